"""Figures of a monitoring system, read by Prometheus's own Python client: one a line, sorted, as NAME{labels} VALUE.

figures.py openmetrics|prometheus <TEXT   figures.py differences FILE FILE   figures.py families <TEXT
"""
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus


def figures(families):
    # The exporter adds where it has them from.
    return {
        (s.name, tuple(sorted((name, value) for name, value in s.labels.items() if name != "server"))): s.value
        for f in families
        for s in f.samples
        if s.name.startswith("aggregation_")
    }


def line(key):
    return "%s{%s}" % (key[0], ",".join("%s=%r" % pair for pair in key[1]))


what = sys.argv[1]
if what == "families":
    for family in openmetrics(sys.stdin.read()):
        print(family.name, family.type, family.unit, "documented" if family.documentation else "")
elif what == "differences":
    # What is a time or a wait goes on between the two.
    one = figures(openmetrics(open(sys.argv[2]).read()))
    other = figures(prometheus(open(sys.argv[3]).read()))
    for key in sorted(one.keys() | other.keys()):
        allowed = 30 if key[0].endswith("_seconds") else 0
        if key not in one or key not in other or not abs(one[key] - other[key]) <= allowed:
            print(line(key), one.get(key), other.get(key))
    print(len(one) > 20)
else:
    found = figures({"openmetrics": openmetrics, "prometheus": prometheus}[what](sys.stdin.read()))
    for key in sorted(found):
        print(line(key), "%g" % found[key])
