/** Style of all pages; both colour schemes, print included. */
export const styleSheet = `
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 22%,transparent);--soft:color-mix(in srgb,currentColor 7%,transparent);--good:#1a7f37;--maybe:#9a6700;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--good:#3fb950;--maybe:#d29922;--bad:#f85149}}
body{font:15px/1.45 system-ui,sans-serif;max-width:76rem;margin:1.5rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin:0}
code{font:12.5px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-top:1px solid var(--line)}
td:nth-child(4){width:34%}
.chain{display:flex;flex-wrap:wrap;gap:1.6rem;list-style:none;padding:0}
.chain>li{position:relative;border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem;background:var(--soft);min-width:8.5rem;flex:1}
.chain>li:not(:last-child)::after{content:"\\2192";position:absolute;right:-1.3rem;top:40%}
.chain p{margin:.2rem 0;font-size:.85rem;max-width:16rem}.chain ul{list-style:none;margin:.3rem 0 0;padding:0;font-size:.85rem}
.predicted td:nth-child(2),.equal td:nth-child(2),.verified{color:var(--good)}
.assumed td:nth-child(2),.host-dependent td:nth-child(2),.not-covered{color:var(--maybe)}
.different td:nth-child(2),.mismatch,.error{color:var(--bad)}
.events{padding-left:1.4rem}.events li{margin:.5rem 0}small,.unknown{opacity:.75}
.part{border-left:2px solid var(--line);padding-left:.8rem;margin:.3rem 0}.part>summary{cursor:pointer}
.drop{border:2px dashed var(--line);border-radius:.6rem;padding:1.4rem;text-align:center}.drop.over{background:var(--soft)}
@media print{details{display:block}.drop{display:none}}
`;
