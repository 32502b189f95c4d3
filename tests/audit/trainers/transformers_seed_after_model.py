"""Broken: the model is made before the Trainer, which sets the seed."""

from my_project import MyExamples, MyModel
from transformers import Trainer, TrainingArguments

from noisegrid.audit.adapters import transformers_train


@transformers_train
def train(seed):
    arguments = TrainingArguments("out", seed=seed, per_device_train_batch_size=8, num_train_epochs=3)
    return Trainer(MyModel(), arguments, train_dataset=MyExamples())
