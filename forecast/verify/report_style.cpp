// The page's style sheet. No character that HTML or XML would read as markup.
#include "forecast/verify/report_page.h"

namespace pear::forecast {

const char* const kReportStyle = R"css(
body { font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; color: #1a1a1a;
  background: #fff; margin: 0 auto; max-width: 1420px; padding: 12px 20px 40px; }
h1 { font-size: 26px; margin: 8px 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 30px 0 8px; border-bottom: 1px solid #ccc; padding-bottom: 3px; }
p { margin: 6px 0; }
.kind { font-weight: 600; }
.simulated { background: #ffe9b8; border-left: 5px solid #E69F00; padding: 5px 10px; }
.small { font-size: 13px; color: #444; }
table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; text-align: right; border-bottom: 1px solid #e4e4e4; vertical-align: top; }
th { font-weight: 500; text-align: left; }
thead th { border-bottom: 2px solid #888; text-align: right; }
thead th:first-child, thead th.name { text-align: left; }
tr.first td, tr.first th { border-top: 1px solid #888; }
td b { font-weight: 700; }
.facts td { text-align: left; overflow-wrap: anywhere; }
.facts th { color: #444; white-space: nowrap; }
.scroll { overflow-x: auto; }
.caveats { background: #fdf1ea; border-left: 5px solid #D55E00; padding: 6px 12px; margin: 10px 0; }
.caveats ul { margin: 4px 0 2px; padding-left: 22px; }
.caveats li { overflow-wrap: anywhere; }
.row { display: flex; flex-wrap: wrap; gap: 8px 14px; }
figure { margin: 0; }
.maps figure { flex: 1 1 400px; max-width: 532px; }
.maps svg { width: 100%; }
svg { max-width: 100%; height: auto; font-family: inherit; }
svg .title { font-size: 14px; font-weight: 600; }
svg .tick { font-size: 11.5px; fill: #333; }
svg .label { font-size: 12.5px; fill: #222; }
svg .legend { font-size: 12.5px; fill: #222; }
svg .grid { stroke: #e6e6e6; stroke-width: 1; }
svg .axis { stroke: #444; stroke-width: 1; }
svg .zero { stroke: #444; stroke-width: 1; stroke-dasharray: 1 2; }
svg .graticule { stroke: #000; stroke-opacity: 0.3; stroke-width: 0.7; }
details { margin: 8px 0; }
summary { cursor: pointer; }
pre { background: #f6f6f6; padding: 10px; overflow: auto; max-height: 480px; font-size: 12.5px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
@media print { details, section { break-inside: avoid; } body { max-width: none; } }
)css";

}  // namespace pear::forecast
