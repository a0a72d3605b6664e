"""Where the public names of `autograder` come from; the package itself loads this when one is used."""

from autograder.asking import predict as predict
from autograder.asking import reveal as reveal
from autograder.asking import rubric as rubric
from autograder.cases import cases as cases
from autograder.checking import check as check
from autograder.checking import examine as examine
from autograder.exercise import Exercise as Exercise
from autograder.exercise import Group as Group
from autograder.exercise import case as case
from autograder.exercises import exercises as exercises
from autograder.judge import judge as judge
from autograder.observers import observe as observe
from autograder.study import hint as hint
from autograder.study import next_up as next_up
from autograder.study import status as status
from autograder.verdict import Verdict as Verdict
