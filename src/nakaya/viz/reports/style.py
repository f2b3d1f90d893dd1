"""The look of reports: a page as from a press, light or dark, for screens of any width and for paper."""

from __future__ import annotations

from nakaya.viz.style import DARK, LIGHT, Theme

__all__ = ["STYLE_SHEET"]


def _colours(theme: Theme, accent: str) -> str:
    return (
        f"--ground:{theme.background};--raised:{theme.vapour};--ink:{theme.foreground};--muted:{theme.muted};"
        f"--hairline:{theme.rule};--accent:{accent}"
    )


STYLE_SHEET = (
    f":root{{color-scheme:light dark;{_colours(LIGHT, LIGHT.models[0])}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_colours(DARK, DARK.models[0])}}}}}"
    """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0;background:var(--ground);color:var(--ink);font-family:Charter,"Bitstream Charter","Source Serif 4",
"STIX Two Text","Iowan Old Style",Georgia,"Times New Roman",serif;font-size:1.0625rem;line-height:1.62;
font-kerning:normal;hanging-punctuation:first}
main{max-width:44rem;margin:0 auto;padding:clamp(2rem,7vw,5.5rem) clamp(1.1rem,4vw,2rem) 6rem}
header{margin-bottom:2.6rem;padding-bottom:1.6rem;border-bottom:1px solid var(--hairline)}
h1{font-size:clamp(1.9rem,5.2vw,2.85rem);line-height:1.14;font-weight:400;letter-spacing:-.012em;margin:0;
text-wrap:balance}
.subtitle{margin:.9rem 0 0;color:var(--muted);font-size:1.14rem;line-height:1.5;text-wrap:pretty}
h2{font-size:1.5rem;line-height:1.25;font-weight:400;margin:3.6rem 0 .9rem;text-wrap:balance}
p{margin:0 0 1rem;text-wrap:pretty}
ul{margin:0 0 1rem;padding-left:1.25rem}
li{margin:.25rem 0}
a{color:var(--accent);text-underline-offset:.18em;text-decoration-thickness:1px}
nav{margin:0 0 2.4rem;font-size:.98rem}
nav ol{margin:0;padding-left:1.3rem}
nav a{color:inherit;text-decoration-color:var(--hairline)}
pre{margin:0 0 1.3rem;padding:.95rem 1.1rem;background:var(--raised);border:1px solid var(--hairline);
border-radius:4px;overflow-x:auto;font-size:.84rem;line-height:1.55}
code{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
figure{margin:2.2rem 0 2.4rem}
figure img{display:block;width:100%;height:auto;border-radius:3px;margin:0 auto}
figure.film img{max-width:36rem}
figcaption{margin-top:.8rem;color:var(--muted);font-size:.93rem;line-height:1.5;text-wrap:pretty}
figcaption b,caption b{font-weight:600;color:var(--ink)}
@media (min-width:64rem){figure.wide{width:60rem;margin-left:calc((100% - 60rem)/2)}
figure.wide figcaption{max-width:40rem;margin-left:auto;margin-right:auto}}
.table{overflow-x:auto;margin:2.2rem 0 2.4rem}
table{border-collapse:collapse;width:100%;font-size:.95rem;line-height:1.4;
font-variant-numeric:tabular-nums lining-nums}
caption{text-align:left;color:var(--muted);font-size:.93rem;line-height:1.5;padding-bottom:.7rem}
thead th{font-weight:400;color:var(--muted);font-size:.86rem;line-height:1.3;vertical-align:bottom;
border-top:1.5px solid var(--ink);border-bottom:1px solid var(--hairline)}
th,td{text-align:left;padding:.5rem .9rem .5rem 0;vertical-align:baseline}
tbody th{font-weight:400}
th:last-child,td:last-child{padding-right:0}
.number{text-align:right;white-space:nowrap}
tbody tr:last-child>*{border-bottom:1.5px solid var(--ink)}
tbody tr+tr>*{border-top:1px solid var(--hairline)}
.emphasised>*{background:var(--raised)}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.4rem,1fr));gap:1.4rem 1.8rem;
margin:1.8rem 0 2.4rem}
.numbers div{border-top:1.5px solid var(--ink);padding-top:.6rem;display:flex;flex-direction:column;
justify-content:space-between}
.numbers dt{color:var(--muted);font-size:.9rem;line-height:1.35}
.numbers dd{margin:.35rem 0 0;font-size:1.9rem;line-height:1.15;font-variant-numeric:lining-nums}
.numbers small{display:block;margin-top:.35rem;color:var(--muted);font-size:.84rem;line-height:1.35}
@media print{body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}
figure,.table,.numbers div{break-inside:avoid}nav{display:none}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
"""
)
