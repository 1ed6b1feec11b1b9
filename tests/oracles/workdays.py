"""Prints every day of the given years, and 1 where PyPI's chinesecalendar calls it a workday."""

import datetime
import sys

import chinese_calendar

first, last = (int(year) for year in sys.argv[1:])
day = datetime.date(first, 1, 1)
while day.year <= last:
    print(day.isoformat(), int(chinese_calendar.is_workday(day)))
    day += datetime.timedelta(days=1)
