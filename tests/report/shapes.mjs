// SPDX-License-Identifier: Apache-2.0
//
// shapes.mjs SHAPES.ttl GRAPH.jsonld...
//
// Does each graph keep to the SHACL shapes of CASE/UCO? The shapes are the ontology itself. What it says
// in SPARQL is left out, and nothing is fetched. Needs the npm packages jsonld, n3 and
// rdf-validate-shacl beside it.
//
// Prints each result, and of each graph a last line, "GRAPH: good" or "GRAPH: bad". Exit: 0 all are
// good, 4 if not.

import { readFileSync } from "node:fs";
import jsonld from "jsonld";
import { Parser, Store } from "n3";
import SHACLValidator from "rdf-validate-shacl";

const SH = "http://www.w3.org/ns/shacl#";
const OWL_IMPORTS = "http://www.w3.org/2002/07/owl#imports";
const [, , shapesFile, ...graphFiles] = process.argv;

const shapes = new Store(new Parser().parse(readFileSync(shapesFile, "utf8"))
	.filter((q) => q.predicate.value !== OWL_IMPORTS && q.predicate.value !== SH + "sparql"));
// The class hierarchy is data too: a File is an ObservableObject is a UcoObject.
const classes = shapes.getQuads(null, "http://www.w3.org/2000/01/rdf-schema#subClassOf", null, null);
const validator = new SHACLValidator(shapes);

async function check(file) {
	const nquads = await jsonld.toRDF(JSON.parse(readFileSync(file, "utf8")), {
		format: "application/n-quads",
		documentLoader: (url) => { throw new Error("nothing is fetched: " + url); },
	});
	const facts = new Parser({ format: "N-Quads" }).parse(nquads);
	if (facts.length < 10) throw new Error(file + ": the graph is empty");
	const report = await validator.validate(new Store([...facts, ...classes]));
	let bad = false;
	for (const r of report.results) {
		const severity = r.severity?.value.replace(SH, "");
		if (severity === "Violation" || severity === "Warning") bad = true;
		console.log(severity, r.focusNode?.value, r.path?.value,
			r.message.map((m) => m.value).join(" "));
	}
	console.log(`${file}: ${bad ? "bad" : "good"}, ${facts.length} facts`);
	return !bad;
}

let good = true;
for (const file of graphFiles) good = (await check(file)) && good;
process.exit(good ? 0 : 4);
