"""Measures a log of ../shared/data with pm4py and chinesecalendar and prints, as JSON, what its cases come to.

Working time is what pm4py calls business hours: 09:00 to 17:30 in the county's zone on the days that chinesecalendar says are worked,
from a case's start to its end, in workdays of eight and a half hours. Every event is a step.
"""

import json
import sys

import chinese_calendar
import numpy
import pandas
import pm4py
from pm4py.statistics.traces.generic.pandas import case_statistics

ZONE = "Asia/Shanghai"
HOUR = 3600
OPENS, CLOSES = 9 * HOUR, 17 * HOUR + HOUR // 2
SLOTS = [(day * 24 * HOUR + OPENS, day * 24 * HOUR + CLOSES) for day in range(7)]

# Case attributes of start, end and due instant.
LOGS = {
    "receipt": ("startdate", "enddate", "deadline"),
    "bpic15": ("startDate", "endDate", "endDatePlanned"),
}


class Worked:
    """The calendar that pm4py asks."""

    @staticmethod
    def is_working_day(day):
        return chinese_calendar.is_workday(day)


def instants(column):
    return pandas.to_datetime(column, utc=True).dt.tz_convert(ZONE)


def main(kind, path):
    start, end, due = LOGS[kind]
    log = pm4py.read_xes(path)
    for name in (start, end, due):
        log[name] = instants(log[f"case:{name}"]) if f"case:{name}" in log else pandas.Series(pandas.NaT, log.index, dtype=f"datetime64[us, {ZONE}]")
    cases = log.groupby("case:concept:name", sort=False)[[start, end, due]].first()
    decided = cases[cases[end].notna()]

    bounds = pandas.concat(
        [
            pandas.DataFrame({"case:concept:name": decided.index, "concept:name": name, "time:timestamp": decided[name].array})
            for name in (start, end)
        ]
    ).sort_values(["case:concept:name", "time:timestamp"])
    asked = {"business_hours": True, "business_hour_slots": SLOTS, "workcalendar": Worked, "case_id_key": "case:concept:name"}
    seconds = case_statistics.get_all_case_durations(bounds, parameters=asked)
    workdays = numpy.array(seconds) / (CLOSES - OPENS)

    known = cases[cases[due].notna()]
    ways = pm4py.get_variants_as_tuples(log[log["case:concept:name"].isin(decided.index)])
    json.dump(
        {
            "cases": len(cases),
            "decided": len(decided),
            "mean": float(workdays.mean()),
            "median": float(numpy.quantile(workdays, 0.5, method="inverted_cdf")),
            "p90": float(numpy.quantile(workdays, 0.9, method="inverted_cdf")),
            "due": len(known),
            "in_time": int((known[end] <= known[due]).sum()),
            "ways": sorted(ways.values(), reverse=True),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
