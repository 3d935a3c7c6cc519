"""The stimulus laboratory: a reader chooses a picture and a setting, and sees what a model sees and where the models fall."""

from companion.laboratory.content import Laboratory, laboratory

__all__ = ["Laboratory", "laboratory"]
