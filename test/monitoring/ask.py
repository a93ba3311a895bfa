"""Asks a Prometheus. ask.py URL value EXPRESSION | alerts | rules | panels DASHBOARD"""
import json
import sys
import urllib.parse
import urllib.request


def get(path, **parameters):
    with urllib.request.urlopen("%s/api/v1/%s?%s" % (sys.argv[1], path, urllib.parse.urlencode(parameters))) as answer:
        return json.load(answer)["data"]


what = sys.argv[2]
if what == "value":
    print(*(series["value"][1] for series in get("query", query=sys.argv[3])["result"]))
elif what == "alerts":
    for alert in sorted(" ".join([a["labels"]["alertname"]] + [a["labels"][n] for n in ("alarm",) if n in a["labels"]] + [a["state"]]) for a in get("alerts")["alerts"]):
        print(alert)
elif what == "rules":
    rules = [rule for group in get("rules")["groups"] for rule in group["rules"]]
    print(len(rules), "rules," , ", ".join(sorted({"all evaluated" if rule["health"] == "ok" else rule.get("lastError", rule["health"]) for rule in rules})))
elif what == "panels":
    # How many series each query has, and the query.
    for panel in json.load(open(sys.argv[3]))["panels"]:
        for target in panel["targets"]:
            print(len(get("query", query=target["expr"])["result"]), target["expr"], sep="\t")
