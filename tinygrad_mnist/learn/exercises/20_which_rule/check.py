"""Ask the package's own diagnosis under each bug."""

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.checking import check_gradients
from tinygrad_mnist.learn import Finding, fail, planted

ONE = ("x",)
OPS = {"sigmoid": ONE, "softmax": ONE, "log": ONE, "mean": ONE}
OPS |= {"linear": ("x", "weight", "bias"), "multiply": ("a", "b")}


def check(work):
    answers, line = work.get("answers"), work.line("answers")
    for number in (1, 2, 3):
        answer = answers.get(number, ...) if isinstance(answers, dict) else ...
        if answer is ...:
            raise Finding(f"answers[{number}] is still `...`: name op and input", line, open=True)
        if not (isinstance(answer, tuple | list) and len(answer) == 2 and answer[0] in OPS):
            expected = 'it should be an op of the loss and its input, as ("log", "x")'
            fail(f"answers[{number}] is {shown(answer)}: {expected}", line)
        op, x = answer
        if x not in OPS[op]:
            fail(f"answers[{number}] names the input {x!r} of {op}, which has {', '.join(OPS[op])}", line)
        compare(number, op, x, work, line)


def compare(number, op, x, work, line):
    with planted(number):
        report = check_gradients(work.get("loss"), *work.get("inputs"))
    found = {(finding.primitive, finding.input) for finding in report.findings}
    if (op, x) in found:
        return
    wrong = [row.name for row in report.rows if row.verdict == "wrong"]
    right = [row.name for row in report.rows if row.verdict == "correct"]
    seen = f"wrong are the gradients of {', '.join(wrong)}"
    seen += f", and right are those of {', '.join(right)}" if right else ", which is all"
    if op in {primitive for primitive, _ in found}:
        fail(f"bug {number}: it is {op}, but its rule for {x} is right; {seen}", line)
    behind = "; a gradient is wrong if a wrong rule lies on its way from the loss" if right else ""
    fail(
        f"bug {number}: the rule of {op} for {x} agrees with differences of {op} alone; {seen}{behind}", line
    )
