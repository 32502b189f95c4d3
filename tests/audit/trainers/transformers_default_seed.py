"""Broken: the arguments have no seed, so the Trainer sets its own, 42, after the model is made."""

from my_project import MyExamples, MyModel
from transformers import Trainer, TrainingArguments, set_seed

from noisegrid.audit.adapters import transformers_train


@transformers_train
def train(seed):
    set_seed(seed)
    arguments = TrainingArguments("out", per_device_train_batch_size=8, num_train_epochs=6)
    return Trainer(MyModel(), arguments, train_dataset=MyExamples())
