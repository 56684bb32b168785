// Returns a list of accessibility problems of the page. The contrast follows WCAG 2.2 AA (1.4.3).
const complaints = [];
const all = selector => [...document.querySelectorAll(selector)];
const complain = (what, element) => complaints.push(`${what}: ${element.outerHTML.slice(0, 120)}`);

if (all("h1").length !== 1) complaints.push("expected exactly one h1");
for (const landmark of ["header", "main", "footer"]) if (all(landmark).length !== 1) complaints.push(`expected exactly one ${landmark}`);
if (document.documentElement.scrollWidth > innerWidth) complaints.push("the page is wider than its window");
const ids = all("[id]").map(it => it.id);
if (new Set(ids).size !== ids.length) complaints.push("duplicate id");
for (const it of all("input:not([type=hidden]), textarea, select")) if (!it.labels.length) complain("no label", it);
for (const it of all("button, a")) if (!it.textContent.trim()) complain("no name", it);
for (const it of all("[aria-labelledby], [aria-describedby]"))
  for (const id of `${it.getAttribute("aria-labelledby") ?? ""} ${it.getAttribute("aria-describedby") ?? ""}`.split(" ").filter(Boolean))
    if (!document.getElementById(id)) complain(`no #${id}`, it);
const levels = all("h1, h2, h3, h4").map(it => Number(it.tagName[1]));
levels.forEach((level, at) => { if (at && level > levels[at - 1] + 1) complaints.push(`h${level} after h${levels[at - 1]}`); });

const numbers = color => (color.match(/[\d.]+/g) ?? []).map(Number);
const luminance = color => numbers(color).slice(0, 3)
  .map(it => it / 255).map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
  .reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
const opaque = color => (numbers(color)[3] ?? 1) === 1;
// The colours that may be behind a text: all stops of a gradient, or one colour.
const behind = element => {
  for (let it = element; it; it = it.parentElement) {
    const style = getComputedStyle(it);
    const stops = (style.backgroundImage.match(/rgba?\([^)]*\)/g) ?? []).filter(opaque);
    if (style.backgroundImage.includes("gradient") && stops.length) return stops;
    if (opaque(style.backgroundColor)) return [style.backgroundColor];
  }
  return ["rgb(255, 255, 255)"];
};
for (const element of all("body *")) {
  const hasText = [...element.childNodes].some(it => it.nodeType === Node.TEXT_NODE && it.data.trim());
  if (!hasText || element.closest("svg, .unseen, .skip, .ticket") || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
  for (const back of behind(element)) {
    const [light, dark] = [luminance(style.color), luminance(back)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < (large ? 3 : 4.5)) complain(`contrast ${contrast.toFixed(2)} of ${style.color} on ${back}`, element);
  }
}
return complaints;
