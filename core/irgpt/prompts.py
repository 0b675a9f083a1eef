"""One example question a task of IR-TD, worded as the bundled model learned it; offered as one-click prompts."""

TASK_PROMPTS: dict[str, str] = {
    "recognition": "Which object is this?\n(A) person (B) car (C) drone (D) bird",
    "scene": "Which kind of scene is this?\n(A) open sky (B) road traffic seen from a car "
    "(C) ground seen from a drone by night (D) buildings against the sky",
    "security": "Which of these do not appear here?\n(A) person (B) car (C) bicycle (D) airplane",
    "grounding": "Mark the largest car with a bounding box.",
    "location": "Locate all people from left to right.",
    "relationship": "Is there a person to the left of the car?",
    "aerial_counting": "How many vehicles, bicycles aside, are in this aerial view?",
    "pedestrian_counting": "How many people are in the picture?",
    "reid": "Which person has the same identity with the person in the upper left corner? "
    "Answer the ordinal numbers and the order will be\n1234\n5678",
}
