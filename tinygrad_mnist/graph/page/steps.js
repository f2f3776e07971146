"use strict";
// The playback as it is seen: all that happens inside a closed group is one step.

// Runs of steps [from, to] that are one step of the playback, with their labels.
function visibleSteps(steps, unitOf) {
  const found = [];
  steps.forEach((step, at) => {
    const unit = step.node === undefined ? null : unitOf.get(step.node), last = found.at(-1);
    const starts = step.phase === "backward" && steps[at - 1]?.phase !== "backward";
    if (unit?.closed && last?.unit === unit && last.phase === step.phase && !last.starts) last.to = at;
    else found.push({ from: at, to: at, unit, phase: step.phase, starts });
  });
  const counts = grouped(found, (step) => step.phase);
  for (const [phase, group] of counts) {
    group.forEach((step, i) => { step.label = phase === "overview" ? phase : `${phase} ${i + 1} of ${group.length}`; });
  }
  return found;
}

// Everything that has happened up to a step; the overview shows all.
function stateAt(steps, last) {
  const past = { computed: new Set(), gradients: new Map(), flows: new Set() };
  const until = last === 0 ? steps.length - 1 : last;
  for (let i = 0; i <= until; i++) {
    steps[i].computed?.forEach((node) => past.computed.add(node));
    steps[i].flows?.forEach((edge) => past.flows.add(edge));
    for (const [node, sum] of Object.entries(steps[i].gradients ?? {})) past.gradients.set(Number(node), sum);
  }
  return past;
}

// Title and lines of a visible step.
function eventOf(step, steps, nodes) {
  const { unit, from, to, phase, starts } = step;
  if (!unit?.closed || starts) {
    const { title, node, lines = [], flows = [] } = steps[from];
    const compared = (i) => ruleOf(flows[i], nodes)?.compared;
    return { title, lines: lines.map((line, i) => ({ ...line, compared: compared(i), pictures: picturesIn(line, node, nodes) })) };
  }
  const { group } = unit;
  if (phase === "forward") return { title: `${group.title} ${group.failed ? "failed" : "is computed"}`, lines: forwardBorder(group, nodes) };
  return { title: `${group.title} sends its gradients back`, lines: backwardBorder(group, steps.slice(from, to + 1), nodes) };
}

// Values and gradients that enter and leave a closed group, without a formula of its inside.
function forwardBorder(group, nodes) {
  const line = (lead, node, role) => ({ lead: `${lead} ${nodes[node].name}:`, ...amount(nodes[node].value, role) });
  const failed = group.nodes.map((node) => nodes[node].message).filter(Boolean).map((message) => ({ note: message }));
  return [...group.sources.map((node) => line("in:", node, "local")), ...failed,
    ...group.results.filter((node) => !nodes[node].message).map((node) => line("out:", node, "result"))];
}

function backwardBorder(group, steps, nodes) {
  const inside = new Set(group.nodes), lines = [];
  for (const node of group.results) {
    if (nodes[node].gradient) lines.push({ lead: `in: ∂ ${nodes[node].name}`, ...amount(nodes[node].gradient, "incoming", true) });
  }
  for (const step of steps) {
    (step.flows ?? []).forEach((flow, i) => {
      const { source, sent, compared } = ruleOf(flow, nodes), { sum, verdict } = step.lines[i];
      if (!inside.has(source)) lines.push({ lead: `to ${nodes[source].name}:`, ...amount(sent, "result", true), sum, verdict, compared });
    });
  }
  const learned = group.nodes.filter((node) => !nodes[node].op && nodes[node].gradient);
  for (const node of learned) lines.push({ lead: `inside: ∂ ${nodes[node].name}`, ...amount(nodes[node].gradient, "result", true) });
  return lines;
}

// The rule along an edge, by the number of its op and of the input.
function ruleOf(flow, nodes) {
  const [node, position] = flow?.split("-").map(Number) ?? [];
  return nodes[node]?.rules.find((rule) => rule.position === position);
}

function amount(array, role, isGradient = false) {
  if (!array) return {};
  if (array.few) return { parts: [[array.few, role]] };
  return isGradient ? { parts: [[array.norm, role]], note: array.text } : { parts: [[array.text, role]] };
}

function sentence(step, { title, lines }) {
  const texts = lines.map((line) => [line.lead, (line.parts ?? []).map(([text]) => text).join(""), line.sum].filter(Boolean).join(" "));
  return `${step.label}: ${[title, ...texts.filter(Boolean)].join(", ")}`;
}
