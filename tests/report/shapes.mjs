// SPDX-License-Identifier: Apache-2.0
//
// shapes.mjs SHAPES.ttl GRAPH.jsonld
//
// Does a graph keep to the SHACL shapes of CASE/UCO? The shapes are the ontology itself. What it says
// in SPARQL is left out, and nothing is fetched. Needs the npm packages jsonld, n3 and
// rdf-validate-shacl beside it.
//
// Exit: 0 it does; 4 it does not, and each result is a line.

import { readFileSync } from "node:fs";
import jsonld from "jsonld";
import { Parser, Store } from "n3";
import SHACLValidator from "rdf-validate-shacl";

const SH = "http://www.w3.org/ns/shacl#";
const OWL_IMPORTS = "http://www.w3.org/2002/07/owl#imports";
const [, , shapesFile, graphFile] = process.argv;

const shapes = new Store(new Parser().parse(readFileSync(shapesFile, "utf8"))
	.filter((q) => q.predicate.value !== OWL_IMPORTS && q.predicate.value !== SH + "sparql"));
const document = JSON.parse(readFileSync(graphFile, "utf8"));
const nquads = await jsonld.toRDF(document, {
	format: "application/n-quads",
	documentLoader: (url) => { throw new Error("nothing is fetched: " + url); },
});
const facts = new Parser({ format: "N-Quads" }).parse(nquads);
if (facts.length < 10) throw new Error("the graph is empty");
// The class hierarchy is data too: a File is an ObservableObject is a UcoObject.
const data = new Store([...facts, ...shapes.getQuads(null,
	"http://www.w3.org/2000/01/rdf-schema#subClassOf", null, null)]);

const report = await new SHACLValidator(shapes).validate(data);
let bad = 0;
for (const r of report.results) {
	const severity = r.severity?.value.replace(SH, "");
	if (severity === "Violation" || severity === "Warning") bad++;
	console.log(severity, r.focusNode?.value, r.path?.value, r.message.map((m) => m.value).join(" "));
}
console.log(`${bad ? "bad" : "good"}: ${facts.length} facts, ${report.results.length} results`);
process.exit(bad ? 4 : 0);
