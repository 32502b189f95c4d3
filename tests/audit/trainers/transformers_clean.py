"""Clean: set_seed before the model, and the seed in the arguments. There is evaluation, too."""

from my_project import MyExamples, MyModel
from transformers import Trainer, TrainingArguments, set_seed

from noisegrid.audit.adapters import transformers_train


@transformers_train
def train(seed):
    set_seed(seed)
    arguments = TrainingArguments(
        "out", seed=seed, per_device_train_batch_size=8, num_train_epochs=6, eval_strategy="epoch"
    )
    return Trainer(MyModel(), arguments, train_dataset=MyExamples(), eval_dataset=MyExamples())
