// @ts-check
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../../../", import.meta.url);

test("the page of a case preloads every module of its script", () => {
  const template = readFileSync(new URL("templates/reviews/_case_scripts.html", root), "utf8");
  const preloaded = [...template.matchAll(/modulepreload" href="{% static 'reviews\/case\/([\w-]+\.js)' %}/g)];
  const modules = readdirSync(new URL("static/reviews/case/", root)).sort();
  assert.deepEqual(preloaded.map(([, name]) => name), modules);
});
