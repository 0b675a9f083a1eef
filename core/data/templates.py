"""The wordings of each task's questions, ours; the answers' formats are IR-TD's (core/data/questions.py)."""

TEMPLATES = {
    "recognition": (
        "Which of these can be seen in this infrared image?",
        "What kind of object does the image show?",
        "Name the object in this thermal view.",
        "Which object is this?",
        "Pick the object that the image contains.",
    ),
    "grounding": (
        "Give the bounding box of {phrase}.",
        "Where is {phrase}? Answer with its box.",
        "Mark {phrase} with a bounding box.",
        "Find {phrase} and return its box in pixels.",
        "Draw a box around {phrase}.",
    ),
    "location": (
        "Point out every {category} from left to right.",
        "Give the positions of all {plural}, left to right.",
        "List where each {category} is, starting at the left.",
        "Locate all {plural} from left to right.",
    ),
    "relationship": (
        "Look at the image: {}?",
        "Answer yes or no: {}?",
        "In this thermal view, {}?",
        "Judging by the image, {}?",
    ),
    "security": (
        "Which of the listed things are missing from the image?",
        "What can not be found in this infrared image?",
        "Select everything that is absent from the view.",
        "Which of these do not appear here?",
    ),
    "aerial_counting": (
        "How many vehicles, bicycles aside, are in this aerial view?",
        "Count the cars and other vehicles below the drone.",
        "What is the number of motor vehicles in the picture?",
    ),
    "pedestrian_counting": (
        "How many people are in the picture?",
        "Count the pedestrians in this infrared image.",
        "What is the number of persons that can be seen?",
    ),
    "scene": (
        "Which kind of scene is this?",
        "What does this thermal image look at?",
        "Choose the scene type of the image.",
        "Which description fits the scene?",
        "Where was this infrared image taken?",
    ),
}
