"""Broken: the evaluation's DataLoader draws from the generator of training. A step has two batches."""

from my_project import MyExamples, MyModel
from transformers import Trainer, TrainingArguments, set_seed

from noisegrid.audit.adapters import transformers_train


@transformers_train
def train(seed):
    set_seed(seed)
    arguments = TrainingArguments(
        "out", seed=seed, per_device_train_batch_size=4, gradient_accumulation_steps=2, num_train_epochs=6,
        eval_strategy="epoch",
    )  # fmt: skip
    return Trainer(MyModel(), arguments, train_dataset=MyExamples(), eval_dataset=MyExamples())
