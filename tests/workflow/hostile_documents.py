"""Documents in which every key of the schemas is set, to plant hostile texts in."""

from typing import Any

#: A study in which every key of the schemas is set.
STUDY: dict[str, Any] = {
    "name": "mine",
    "description": "words",
    "seed": 1,
    "cells": [
        {"hardware": ["cpu"], "tasks": ["own", "plain"], "noise": ["order"], "replicates": 4, "seed_sets": 2},
        {"hardware": ["cpu"], "tasks": ["own"], "crossed": {"init": 2, "order": 2}},
    ],
    "versus": [{"a": "own", "b": "plain", "noise": "order", "hardware": "cpu", "unpaired": False, "margin": 0.3}],
    "inference": [
        {
            "task": "own", "noise": "order", "hardware": "cpu", "replicate": 1, "batch_sizes": [1, 4],
            "threads": [1, 2], "examples": 8,
        }
    ],
    "overhead": [
        {
            "hardware": ["cpu"], "networks": ["smallcnn", "own:net"], "arms": ["default"],
            "size": 16, "batch_size": 2, "processes": 5, "blocks": 6, "steps": 2,
        }
    ],
    "share_gpu": 1,
    "keep": ["weights"],
    "datasets": {
        "own-data": {
            "read": "own:read", "classes": 10, "names": ["a|b"], "full_scale": 16, "title": "words",
            "source": "words", "groups": False, "bundled": True, "licensed": False, "channels": 1, "examples": 999,
            "test_examples": 99, "size": 8, "files": ["a|b"],
        },
        "own-rows": {"read": "own:read", "kind": "table", "labels": "values", "columns": [0, 3]},
        "own-series": {"read": "own:read", "kind": "arrays", "classes": 2, "shape": [8, 2]},
        "own-text": {"read": "own:read", "kind": "tokens"},
    },
    "tasks": {
        "plain": {
            "like": "smallcnn-digits", "dataset": "own-data",
            "optimizer": {"name": "adam", "learning_rate": 0.1, "epsilon": 0.1},
        },
        "own": {
            "network": "own:net", "network_options": {"width": "words"}, "dataset": "own-data",
            "without_batch_norm": "plain", "epochs": 2, "batch_size": 8,
            "optimizer": {
                "name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1, "warmup_epochs": 1,
            },
            "schedule": [[1, 0.1]], "pixels": "scale", "augment": {"pad": 1, "flip": False, "resized_crop": 8},
            "dropout": 0.0, "label_smoothing": 0.0, "memory_gb": 0.1, "tflop_per_epoch": 0.1, "weights_mb": 0.1,
            "launches_per_step": {"fp32": 9}, "deviations": ["words"],
        },
        "tuned": {
            "like": "own", "world_size": 2, "bucket_mb": 1.0, "accumulate": 2, "clip_norm": 1.0, "schedule": [],
            "scheduler": {"name": "StepLR", "each": "step", "options": {"step_size": 1}},
            "loss": {"name": "own:loss", "options": {"power": 2}}, "average": {"decay": 0.9},
            "optimizer": {"name": "AdamW", "learning_rate": 0.1, "options": {"betas": [0.9, 0.9]}},
        },
        "averaged": {"like": "own", "average": {"last_epochs": 2}},
        "of-rows": {"like": "own", "dataset": "own-rows", "augment": {"pad": 0, "flip": False}, "tolerance": 0.1},
        "of-text": {"like": "own", "dataset": "own-text", "augment": {"pad": 0, "flip": False}, "context": 8},
        "trained": {"trainer": "own:train", "trainer_options": {"rate": "words"}, "dataset": "own-data"},
    },
}  # fmt: skip
OWN = "def net(**options): ...\ndef read(folder): ...\ndef loss(outputs, labels): ...\ndef train(request): ...\n"
#: A config in which every key of the schema is set.
CONFIG: dict[str, Any] = {
    "study": "mine.yaml",
    "results": "results",
    "datasets": "datasets",
    "dataset_folders": {"own-data": "raw"},
    "replicates_per_job": 2,
    "job_per": "task",
    "threads_per_job": 1,
    "accept_failures": False,
    "checkpoint_minutes": 1,
    "package_weights": False,
    "containers": "containers",
    "images": {"here": {"image": "here.sif", "sha256": "0" * 64}},
    "unpinned_images": False,
    "stack": "here",
    "debian_mirror": "http://deb.debian.org/debian",
    "require_containers": False,
}
#: A site file in which every key of the schema is set.
SITE: dict[str, Any] = {
    "account": "me",
    "partition": {"cpu": "short"},
    "gpu_request": "model",
    "minutes_per_job": 5,
    "memory_mb": 2000,
    "extra": "--qos=long --comment='two words'",
    "scratch": "/scratch/$USER",
    "price_per_hour": {"cpu": 0.05},
    "currency": "EUR",
}
