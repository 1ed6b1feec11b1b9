"""Reads a log of ../shared/data with Python's own parsers and prints, as JSON, what its own columns say."""

import csv
import datetime
import gzip
import json
import sys
import xml.etree.ElementTree as ElementTree
import zoneinfo


def traces(path):
    """The cases of an XES log: (case attributes, [event attributes])."""
    with gzip.open(path) as file:
        for _, element in ElementTree.iterparse(file):
            if element.tag.rpartition("}")[2] != "trace":
                continue
            case, events = {}, []
            for child in element:
                if child.tag.rpartition("}")[2] == "event":
                    events.append({leaf.get("key"): leaf.get("value") for leaf in child})
                else:
                    case[child.get("key")] = child.get("value")
            yield case, events
            element.clear()


def receipt(path):
    departments = {}
    for case, _ in traces(path):
        row = departments.setdefault(case["department"], {"on_time": 0, "over": 0, "open": 0})
        end = case.get("enddate")
        if end is None:
            row["open"] += 1
        else:
            in_time = datetime.datetime.fromisoformat(end) <= datetime.datetime.fromisoformat(case["deadline"])
            row["on_time" if in_time else "over"] += 1
    return departments


def bpic15(path):
    cases = resumed = extended = 0
    for _, events in traces(path):
        steps = [event["concept:name"] for event in events]
        cases += 1
        resumed += "07_OPS_055" in steps and "07_OPS_075" in steps
        extended += "06_VD_035" in steps
    return {"cases": cases, "resumed": resumed, "extended": extended}


def boston(path):
    """The city's own verdict by request; null where it set no target."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        return {row["case_enquiry_id"]: row["ontime"] if row["target_dt"].strip() else None for row in csv.DictReader(file)}


def new_york(path):
    zone = zoneinfo.ZoneInfo("America/New_York")

    def instant(text):
        return datetime.datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p").replace(tzinfo=zone)

    verdicts = []
    with open(path, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if row["Closed Date"] and row["Due Date"]:
                verdicts.append(instant(row["Closed Date"]) <= instant(row["Due Date"]))
    return {"in_time": sum(verdicts), "late": len(verdicts) - sum(verdicts)}


readers = {"receipt": receipt, "bpic15": bpic15, "boston": boston, "new_york": new_york}
print(json.dumps(readers[sys.argv[1]](sys.argv[2])))
