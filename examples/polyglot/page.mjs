// The Node plugin of the example: it draws what the others found out.

import { writeFile } from "node:fs/promises";

import { File, fn, outDir, serve } from "@calyx-build/sdk";

const WIDTH = 640;
const HEIGHT = 360;
const CELL = 22;

/** The page, with two drawings and a table, in one file that needs nothing else. */
const page = fn(async function page(title, packages, commonest, frequencies, fit, likeness) {
  const rows = commonest.map(([name, count]) => `<tr><td><code>${escape(name)}</code><td>${count}`);
  const path = `${outDir()}/page.html`;
  await writeFile(path, `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escape(title)}</title>
<style>body { font: 15px/1.5 sans-serif; max-width: 42em; margin: 2em auto } td { padding-right: 2em } svg { font-size: 12px }</style>
<h1>${escape(title)}</h1>
<p>${frequencies.length} names in ${packages.length} packages. The name at rank <i>r</i> is used about
${fit.C.toFixed(0)} / <i>r</i><sup>${fit.s.toFixed(2)}</sup> times; that explains ${(100 * fit.r2).toFixed(1)} % of the variance.</p>
${zipf(frequencies, fit)}
<h2>The commonest names</h2>
<table>${rows.join("\n")}</table>
<h2>How alike the packages are</h2>
${heatmap(packages, likeness)}
</html>
`);
  return new File(path);
});

/** Frequencies by rank, both on logarithmic scales, and the line of the law. */
function zipf(frequencies, fit) {
  const decades = [Math.ceil(Math.log10(frequencies.length)), Math.ceil(Math.log10(frequencies[0]))];
  const x = (rank) => (60 + (Math.log10(rank) / decades[0]) * (WIDTH - 80)).toFixed(1);
  const y = (count) => (HEIGHT - 30 - (Math.log10(count) / decades[1]) * (HEIGHT - 40)).toFixed(1);
  const ticks = [];
  for (let d = 0; d <= decades[0]; d++) ticks.push(`<text x="${x(10 ** d)}" y="${HEIGHT - 10}" text-anchor="middle">${10 ** d}</text>`);
  for (let d = 0; d <= decades[1]; d++) ticks.push(`<text x="50" y="${y(10 ** d)}" dy="4" text-anchor="end">${10 ** d}</text>`);
  const end = Math.min(frequencies.length, fit.C ** (1 / fit.s)); // where the line reaches a single use
  return `<svg width="${WIDTH}" height="${HEIGHT}" fill="none">
<g fill="#666">${ticks.join("")}</g>
<polyline stroke="#0a6" stroke-width="2" points="${steps(frequencies).map(([rank, count]) => `${x(rank)},${y(count)}`).join(" ")}"/>
<path stroke="#c33" stroke-dasharray="5 4" d="M${x(1)},${y(fit.C)} L${x(end)},${y(fit.C / end ** fit.s)}"/>
</svg>`;
}

/** The first and the last rank of each frequency: between them, the drawing is flat. */
function steps(frequencies) {
  const corners = [];
  frequencies.forEach((count, i) => {
    if (count !== frequencies[i - 1] || count !== frequencies[i + 1]) corners.push([i + 1, count]);
  });
  return corners;
}

/** A square for each two packages, the darker the more alike. */
function heatmap(packages, likeness) {
  const size = 130 + packages.length * CELL;
  const cells = packages.flatMap((name, i) => [
    `<text x="122" y="${i * CELL + 15}" text-anchor="end">${escape(name)}</text>`,
    ...packages.map((other, j) => {
      const alike = likeness.data[i * packages.length + j];
      const square = `x="${130 + j * CELL}" y="${i * CELL}" width="${CELL - 2}" height="${CELL - 2}"`;
      return `<rect ${square} fill-opacity="${alike.toFixed(2)}"><title>${escape(name)}, ${escape(other)}: ${alike.toFixed(2)}</title></rect>`;
    }),
  ]);
  return `<svg width="${size}" height="${packages.length * CELL}" fill="#06a">${cells.join("\n")}</svg>`;
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

serve(page);
