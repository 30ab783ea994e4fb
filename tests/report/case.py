# SPDX-License-Identifier: Apache-2.0
#
# case.py GRAPH.jsonld: what holds of every case.jsonld, by its structure alone: ids are URNs of UUIDs
# that CASE/UCO accepts, each node stands once, whatever is referred to is there, each item has its
# record, its file and its sealed object, and each action what an action has. Python's standard library.
#
# Exit: 0 it holds, 4 it does not, and each reason is a line.

import json
import re
import sys

UUID = re.compile("urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-5][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
wrong = []


def refs(value):
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        else:
            for v in value.values():
                yield from refs(v)
    elif isinstance(value, list):
        for v in value:
            yield from refs(v)


def nodes(value):
    if isinstance(value, dict):
        if "@id" in value and len(value) > 1:
            yield value
        for v in value.values():
            yield from nodes(v)
    elif isinstance(value, list):
        for v in value:
            yield from nodes(v)


def need(ok, what):
    if not ok:
        wrong.append(what)


with open(sys.argv[1], encoding="utf-8") as f:
    document = json.load(f)
graph = document["@graph"]
context = document["@context"]
need(set(document) == {"@context", "@graph"}, "more than a context and a graph")
need(all(isinstance(v, str) for v in context.values()), "a context that is to be fetched")

by_id = {}
for n in nodes(graph):
    need(UUID.fullmatch(n["@id"]), f"id {n['@id']}")
    need(n["@id"] not in by_id, f"{n['@id']} twice")
    by_id[n["@id"]] = n
    types = n.get("@type", [])
    for word in [types] if isinstance(types, str) else types:
        need(word.split(":")[0] in context, f"type {word}")
    need(types, f"{n['@id']} without a type")
    for key in n:
        need(key.startswith("@") or key.split(":")[0] in context, f"property {key}")
    if types == "uco-types:Hash":
        need(n["uco-types:hashMethod"] == "SHA256", "another digest")
        need(re.fullmatch("[0-9a-f]{64}", n["uco-types:hashValue"]["@value"]), "a hash's value")
for r in refs(graph):
    need(r in by_id, f"nothing is {r}")


def of(kind):
    return [n for n in graph if n["@type"] == kind]


actions = of("case-investigation:InvestigativeAction")
records = of("case-investigation:ProvenanceRecord")
for a in actions:
    need(TIME.fullmatch(a["uco-action:startTime"]["@value"]), "an action's time")
    need("uco-core:name" in a, "an action without a name")
    need("uco-action:object" in a or "uco-action:result" in a, "an action on nothing")
    for key in ("uco-action:performer", "uco-action:environment"):
        need(len(a.get(key, [])) <= 1, f"an action with several {key}")
for p in records:
    need(p["case-investigation:exhibitNumber"], "a record without a number")
    need(p["uco-core:object"], "a record of nothing")
    root = p.get("case-investigation:rootExhibitNumber")
    need(root or len(p["uco-core:object"]) == 2, "an item without its file and sealed object")
need(len({p["case-investigation:exhibitNumber"] for p in records}) == len(records), "numbers")
whole = of("uco-core:Bundle") + of("case-investigation:Investigation")
need(len(whole) == 1 and len(whole[0]["uco-core:object"]) == len(graph) - 1, "not one whole")
for w in wrong:
    print(w)
if not wrong:
    print(f"good: {len(records)} records, {len(actions)} actions")
sys.exit(4 if wrong else 0)
