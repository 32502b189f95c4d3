"""Images per second of the reference's small CNN: two replicates of noisegrid side by side, against one Keras process.

    python benchmarks/keras_small_cnn.py --keras PYTHON [--hardware cpu_avx512] [--rounds N]

PYTHON is the interpreter of an environment with tensorflow and tf_keras. Keras trains with the reference's settings
(batch 128, Adam, shuffle buffer of 1,024 after a cache) and TensorFlow's default threads; noisegrid trains two
replicates at a time, with one thread each, as a job does on two cores. The images are random (32 x 32 pixels, 3
channels). The two sides alternate. Prints one Markdown row for each hardware: images per second of Keras and of
noisegrid (medians), and the median and range of their ratio.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES, EPOCHS = 20_000, 3
KERAS = f"""
import time
import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers
rng = np.random.default_rng(0)
images = rng.integers(0, 256, ({IMAGES}, 32, 32, 3), dtype=np.uint8)
labels = keras.utils.to_categorical(rng.integers(0, 10, {IMAGES}), 10)
def scale(image, label):
    return tf.cast(image, tf.float32) / 255.0, label
data = tf.data.Dataset.from_tensor_slices((images, labels)).map(scale, num_parallel_calls=tf.data.AUTOTUNE).cache()
data = data.shuffle(1024).batch(128).prefetch(tf.data.AUTOTUNE)
net = keras.Sequential([layers.Input((32, 32, 3))])
for width in (16, 32, 32):
    net.add(layers.Conv2D(width, 3, padding="same", activation="relu"))
    net.add(layers.MaxPooling2D())
net.add(layers.GlobalAveragePooling2D())
net.add(layers.Dense(32, activation="relu"))
net.add(layers.Dense(10, activation="softmax"))
net.compile(keras.optimizers.Adam(4e-4, epsilon=1e-7), "categorical_crossentropy", metrics=["accuracy"])
net.fit(data, epochs=1, verbose=0)
began = time.perf_counter()
net.fit(data, epochs={EPOCHS}, verbose=0)
print({EPOCHS} * {IMAGES} / (time.perf_counter() - began))
"""
OURS = f"""
import sys, time
import numpy as np
import torch
from noisegrid.common.schemas import catalog
from noisegrid.data.form import Form
from noisegrid.data.prepared import Dataset
from noisegrid.runtime import machine
from noisegrid.study.recipes import resolve_tasks, task_settings
from noisegrid.study.resolve import hardware_settings
from noisegrid.study.settings import Hardware
from noisegrid.training import noise
from noisegrid.training.initial import build_network
from noisegrid.training.run import Run
from noisegrid.training.train import NEVER, Training
from noisegrid.training.weights import weights_of
rng = np.random.default_rng(0)
images = rng.integers(0, 256, ({IMAGES}, 3, 32, 32), dtype=np.uint8)
labels = rng.integers(0, 10, {IMAGES})
task = task_settings(resolve_tasks({{}}, "catalog"), catalog("datasets"), "smallcnn-cifar10", "catalog")
hardware = hardware_settings(sys.argv[1], "catalog")
flags = noise.held_flags(Hardware.of(hardware))
noise.apply_flags(flags)
machine.keep_freed_memory()
form = Form("images", "classes", 10, (3, 32, 32), full_scale=255.0)
data = Dataset("random", "", form, images, labels, images[:256], labels[:256])
run = Run({{"task": task, "hardware": hardware}}, {{"order": 1, "augment": 1, "dropout": 1}}, flags)
training = Training(run, data, weights_of(build_network(run.task, data)), torch.device("cpu"))
training.run_epoch(NEVER)
began = time.perf_counter()
for _ in range({EPOCHS}):
    training.run_epoch(NEVER)
print({EPOCHS} * {IMAGES} / (time.perf_counter() - began))
"""


def start(python: str, program: str, *arguments: str) -> subprocess.Popen:
    """Start one process, which prints images per second."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [python, "-c", program, *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def speed(processes: list[subprocess.Popen]) -> float:
    """Return the images per second of all processes together."""
    return sum(float(process.communicate()[0].split()[-1]) for process in processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keras", required=True)
    parser.add_argument("--hardware", nargs="+", default=["cpu"])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    keras, ours = [], {name: [] for name in options.hardware}
    for _ in range(options.rounds):
        keras.append(speed([start(options.keras, KERAS)]))
        for name in options.hardware:
            ours[name].append(speed([start(sys.executable, OURS, name) for _ in range(2)]))
    for name, values in ours.items():
        ratios = [a / b for a, b in zip(values, keras, strict=True)]
        medians = f"{statistics.median(keras):,.0f} | {statistics.median(values):,.0f}"
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {name} | {options.rounds} | {medians} | {ratio} |")


if __name__ == "__main__":
    main()
