"""What the gate's PlanDefinition says of itself in plain words."""

from __future__ import annotations

from typing import Final

from withness.core.terms import Acuity

DESCRIPTION: Final = """\
What the gate reads of one risk screen, as conditions for any FHIRPath engine: every finding, the verdict of every \
domain, and the decision. They are generated from the risk policy and document it. **The decision of the software is \
the only one that counts.**

One response cannot say everything. These conditions leave out, and the software does not:

- how old the answers and a validated result are at the time of the decision, and in which encounter they were given \
(windows, late entry, dates in the future, a clock that went back);
- holds that stand, and what ended them: assessments, releases, corrections, retractions;
- the person's other screens: an answer about known history is read as on a first screen;
- newer observations in the chart, and a chart that cannot be reached;
- the person's age: a result that is not applicable at this age is unknown here;
- the other members of a unit of more than one, where only a yes counts for being asked alone;
- acuity that a clinician raised, overrides, and a trainee's missing co-signature;
- whether the policy is signed, and the audit trail whole.

Each of them can hold a plan that these conditions would let through."""

PURPOSE: Final = (
    "No plan of collaborative therapy is saved before a risk screen was asked and read. Only an answer that the policy "
    "lists as clearing clears; what is missing or cannot be read holds."
)

USAGE: Final = (
    "Evaluate the conditions on a QuestionnaireResponse of the risk screen that is valid FHIR R4. An action applies "
    "when its own conditions and those of every action around it are true. Of each domain's verdict, and of the "
    "decision, exactly one innermost action applies. A condition that an engine cannot evaluate is not met, and then "
    "nothing is released. A written answer counts in the scripts that its condition lists; the software reads all."
)

MEANS: Final = {
    Acuity.ACUTE: "Acute: the plan waits and the directive protocol opens; a later clear screen alone never ends it.",
    Acuity.UNKNOWN: "Unknown: the plan waits until it is asked and answered; silence never clears.",
    Acuity.ELEVATED: "Elevated: the plan waits for an assessment.",
    Acuity.CAUTION: "A caution: the plan can be saved, with its conditions on record.",
    Acuity.NONE: "Nothing holds: every question has an answer that the policy lists as clearing.",
}
"""What each acuity asks for."""
