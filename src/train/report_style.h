#pragma once

#include <string_view>

namespace fornax::train {

/// The look of a report, on paper-white or, where that is preferred, in the dark. No character of it has a
/// meaning in XML.
inline constexpr std::string_view report_style = R"(
:root { color-scheme: light dark; --page: #ffffff; --text: #1f2937; --soft: #5b6472; --line: #e3e6eb;
  --card: #f6f7f9; --right: 37 99 235; --wrong: 217 60 35; --bar: rgb(37 99 235 / 0.16);
  --c0: #2563eb; --c1: #d9580a; --c2: #15803d; --c3: #9333ea; --c4: #dc2626; --c5: #0e7490; }
@media (prefers-color-scheme: dark) {
  :root { --page: #12151b; --text: #e6e9ee; --soft: #9aa4b2; --line: #2a303a; --card: #1a1f27;
    --right: 96 150 255; --wrong: 255 118 92; --bar: rgb(96 150 255 / 0.24);
    --c0: #78a6ff; --c1: #ffa057; --c2: #5ad18a; --c3: #c99bff; --c4: #ff8b85; --c5: #5cc8e0; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem clamp(1rem, 4vw, 2.5rem) 4rem; background: var(--page);
  color: var(--text); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 0.75rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
p { margin: 0.5rem 0; max-width: 46rem; }
.note, dt, caption { color: var(--soft); font-size: 0.875rem; }
dl, dd, figure { margin: 0; }
.facts { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; }
.facts div { display: flex; gap: 0.4rem; align-items: baseline; }
.results { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 0.75rem;
  margin-top: 1.5rem; }
.results div { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.75rem 1rem; }
.results dd { font-size: 1.5rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
svg .name { font-size: 15px; font-weight: 600; fill: var(--text); }
svg .tick { font-size: 12px; fill: var(--soft); }
svg .grid { stroke: var(--line); }
svg .axis { stroke: var(--soft); fill: none; }
svg .curve { stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; fill: none; }
svg .marker { fill: currentColor; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); }
.c3 { color: var(--c3); } .c4 { color: var(--c4); } .c5 { color: var(--c5); }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.5rem, 1fr)); gap: 0.75rem; }
.samples figure { border: 1px solid var(--line); border-top: 3px solid rgb(var(--right)); border-radius: 0.375rem;
  overflow: hidden; background: var(--card); }
.samples .wrong { border-top-color: rgb(var(--wrong)); }
.samples img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated; }
.samples figcaption { padding: 0.4rem 0.6rem 0.5rem; font-size: 0.8125rem; line-height: 1.35;
  overflow-wrap: anywhere; }
.samples span { white-space: nowrap; }
.wrong strong { color: rgb(var(--wrong)); }
.scroll { overflow-x: auto; margin-top: 0.75rem; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 0.4rem; }
th, td { padding: 0.3rem 0.75rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; }
thead th { color: var(--soft); vertical-align: bottom; }
.total th, .total td { border-bottom: 0; border-top: 2px solid var(--line); font-weight: 600; }
.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.bar { background: linear-gradient(to right, var(--bar) var(--part), transparent var(--part)); }
.matrix th, .matrix td { padding: 0.2rem 0.35rem; border: 1px solid var(--page); min-width: 2.1rem; text-align: center; }
.matrix tbody th { position: sticky; left: 0; background: var(--page); text-align: right; max-width: 10rem;
  overflow: hidden; text-overflow: ellipsis; font-weight: 500; }
.matrix thead th { font-weight: 500; }
.matrix thead span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); max-height: 9rem;
  overflow: hidden; text-overflow: ellipsis; }
.matrix td { background: rgb(var(--wrong) / var(--shade)); }
.matrix td.hit { background: rgb(var(--right) / var(--shade)); }
.matrix td.s0 { color: var(--soft); background: var(--card); }
.s1 { --shade: 0.1; } .s2 { --shade: 0.18; } .s3 { --shade: 0.26; } .s4 { --shade: 0.34; } .s5 { --shade: 0.42; }
.s6 { --shade: 0.52; } .s7 { --shade: 0.64; } .s8 { --shade: 0.76; } .s9 { --shade: 0.88; } .s10 { --shade: 1; }
.matrix .s7, .matrix .s8, .matrix .s9, .matrix .s10 { color: var(--page); }
.scale { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; align-items: center; }
.scale table { display: inline-table; }
.scale td { color: var(--text); }
.scale .matrix td { min-width: 2.6rem; font-size: 0.75rem; }
summary { cursor: pointer; padding: 0.25rem 0; }
a:focus-visible, .scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
@media print { details, .scroll { overflow: visible; } }
)";

}  // namespace fornax::train
