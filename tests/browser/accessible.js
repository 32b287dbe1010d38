// What is wrong with the page for those who cannot see it, or see little: a list of sentences, empty where nothing is.
() => {
  const wrong = [];
  const say = (what, element) => wrong.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
  const name = (element) =>
    (element.getAttribute("aria-label") || element.textContent || element.getAttribute("alt") || "").trim();

  const numbers = (color) => (color.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([red, green, blue]) => {
    const part = (value) => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const found = numbers(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };

  for (const element of document.querySelectorAll("a, button, summary")) if (!name(element)) say("has no name", element);
  for (const element of document.querySelectorAll("input:not([type=hidden]), select"))
    if (!element.labels || !element.labels.length) say("has no label", element);
  for (const element of document.querySelectorAll("img")) if (!element.hasAttribute("alt")) say("has no alt", element);
  for (const element of document.querySelectorAll("svg"))
    if (element.getAttribute("aria-hidden") !== "true" && !element.getAttribute("aria-label")) say("says nothing", element);
  for (const element of document.querySelectorAll("th")) if (!element.scope) say("has no scope", element);
  let level = 0;
  for (const element of document.querySelectorAll("h1, h2, h3")) {
    const next = Number(element.tagName[1]);
    if (next > level + 1) say("skips a level", element);
    level = next;
  }
  for (const element of document.querySelectorAll("main *, header *, footer *")) {
    const words = [...element.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.textContent.trim());
    const style = getComputedStyle(element);
    if (!words || !element.getClientRects().length || element.closest(".unseen")) continue;
    const [one, other] = [luminance(numbers(style.color)), luminance(ground(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24;
    if (contrast < (isLarge ? 3 : 4.5)) say(`has a contrast of ${contrast.toFixed(2)}`, element);
  }
  return wrong;
}
