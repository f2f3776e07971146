"use strict";
// The panel: a step in words and equations, and the facts of a node.

const LONG_EQUATION = 34;

function stepElements(step, event, more) {
  return [make("p", "phase", step.label), make("h2", "", event.title), ...event.lines.map(lineElement), ...more];
}

function lineElement(line) {
  const parts = line.parts ?? [];
  const long = parts.map(([text]) => text).join("").length > LONG_EQUATION ? " long" : "";
  const element = make("div", "line", ...(line.lead ? [make("h3", "", line.lead)] : []));
  if (parts.length) element.append(make("p", `equation${long}`, ...parts.map(([text, role], i) => partElement(text, role, line.pictures?.get(i)))));
  if (line.note) element.append(make("p", "note", line.note));
  if (line.operands) element.append(operandTable(line.operands));
  if (line.sum) element.append(make("p", "sum", line.sum));
  if (line.verdict) element.append(verdictElement(line.verdict));
  if (line.compared) element.append(comparisonTable(line.compared));
  return element;
}

function partElement(text, role, image) {
  return make("span", role, image ? inlineImage(image, text) : text);
}

function operandTable(operands) {
  return make("table", "", ...operands.map(([symbol, role, source, text]) =>
    make("tr", "", make("th", role, symbol), make("td", "", source), make("td", "", text))));
}

// A wrong rule and what is right in its place.
function comparisonTable(rows) {
  const head = make("tr", "", make("td", ""), make("th", "", "✗ wrong"), make("th", "", "✓ right"));
  return make("table", "compared", head, ...rows.map(([label, wrong, right]) =>
    make("tr", "", make("th", "", label), make("td", "", wrong), make("td", "", right))));
}

function verdictElement(verdict, subject = "this rule") {
  const words =
    { wrong: `✗ ${subject} is wrong`, untested: `? ${subject} could not be tested` }[verdict] ?? `✓ ${subject} was checked`;
  return make("p", `verdict ${verdict}`, words);
}

function helpElement() {
  const key = (text) => make("kbd", "", text);
  return make("p", "", key("space"), " plays and pauses; ", key("←"), " ", key("→"), " step. ", key("↑"), " ", key("↓"),
    " go from box to box; ", key("enter"), " opens or closes a module and keeps the facts of a node, as a click does. Drag to move; pinch, or ",
    key("ctrl"), " and the wheel, zooms.");
}

function legendElement() {
  return make("p", "legend", "A rule sends back ", make("span", "incoming", "incoming"), " × ",
    make("span", "local", "local"), " = ", make("span", "result", "contribution"),
    "; contributions to the same node add up.");
}

// Facts of a unit (or an open frame): of a node, or of a group as a whole.
function factsElements(item, tree, state) {
  if (!item) return [];
  return item.group ? groupFacts(item.group, tree.nodes, state) : nodeFacts(item.node, tree.nodes, state);
}

function nodeFacts(node, nodes, state) {
  const { name, kind, facts, value, gradient, rules, message, verdict } = nodes[node];
  const images = (nodes[node].images ?? []).filter((image) => (image.gradient ? state.gradients : state.computed).has(node));
  const list = factList();
  list.add("value", value && (state.computed.has(node) ? value.text : "not computed yet"));
  list.add("gradient", gradient && gradientText(gradient, state.gradients.get(node)));
  for (const [label, text] of facts ?? []) list.add(label, text);
  for (const rule of rules ?? []) {
    list.add(`rule to ${nodes[rule.source].name}`, rule.formula && rule.verdict === "wrong" ? `${rule.formula}  ✗ wrong` : rule.formula);
    for (const [label, wrong, right] of rule.compared ?? []) {
      const instead = wrong && label !== "rule" ? `  (not ${wrong})` : "";
      list.add(`right ${label}`, right && `${right}  ✓${instead}`);
    }
  }
  const found = [make("p", "phase", kind), make("h2", "", name), ...images.map(imageFigure)];
  if (message) found.push(make("p", "verdict wrong", `✗ ${message}`));
  if (verdict) found.push(verdictElement(verdict, verdict === "wrong" ? "one of its rules" : "each rule"));
  return [...found, list.element];
}

function groupFacts(group, nodes, state) {
  const list = factList();
  list.add("learned numbers", group.parameters && group.parameters.toLocaleString("en"));
  for (const node of group.sources) list.add(`in: ${nodes[node].name}`, valueText(nodes[node], state.computed.has(node)));
  for (const node of group.results) {
    list.add(`out: ${nodes[node].name}`, valueText(nodes[node], state.computed.has(node)));
    list.add(`∂ ${nodes[node].name}`, nodes[node].gradient && gradientText(nodes[node].gradient, state.gradients.get(node)));
  }
  for (const node of group.nodes.filter((inner) => !nodes[inner].op)) {
    list.add(`∂ ${nodes[node].name}`, nodes[node].gradient && gradientText(nodes[node].gradient, state.gradients.get(node)));
  }
  const count = group.ops.length;
  return [make("p", "phase", `${count.toLocaleString("en")} op${count === 1 ? "" : "s"}`), make("h2", "", group.title), list.element];
}

function factList() {
  const element = make("dl", "");
  return { element, add: (label, text) => text && element.append(make("dt", "", label), make("dd", "", String(text))) };
}

function valueText(node, computed) {
  return node.value && (computed ? node.value.text : "not computed yet");
}

function gradientText(gradient, sum) {
  if (!sum) return "not arrived yet";
  if (!sum.done) return `${sum.text} so far, ${sum.note} contributions`;
  const size = gradient.few ? gradient.text : `${gradient.norm}, ${gradient.text}`;
  const marked = gradient.mark ? `${size} (${gradient.mark})` : size;
  return sum.note ? `${marked}, sum of ${sum.note}` : marked;
}
