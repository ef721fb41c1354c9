"""The layers that change images at random, with arguments that show: the cases of test_augmentations_match_keras.py."""

from typing import Any

# By class: several sets of arguments.
AUGMENTATIONS: dict[str, list[dict[str, Any]]] = {
    "AugMix": [{"factor": [0.1, 0.4], "num_chains": 2}],
    "AutoContrast": [{}, {"value_range": [0, 1]}],
    "ContrastLimitedAdaptiveHistogramEqualization": [
        {"tile_grid_size": (2, 3)},
        {"value_range": [0, 1], "clip_limit": 1.5, "tile_grid_size": (3, 2)},
    ],
    "CutMix": [{"factor": 0.4}],
    "Equalization": [{"bins": 100}, {"value_range": [0, 1]}],
    "MaxNumBoundingBoxes": [{"max_number": 3}],
    "MixUp": [{"alpha": 0.4}],
    "RandAugment": [{"num_ops": 3, "factor": 0.3}],
    "RandomBrightness": [{"factor": 0.4}, {"factor": [0.1, 0.3], "value_range": [0, 1]}],
    "RandomColorDegeneration": [{"factor": 0.7}],
    "RandomColorJitter": [{"brightness_factor": 0.3, "contrast_factor": [0.2, 0.6]}, {"hue_factor": 0.4}],
    "RandomContrast": [{"factor": 0.8}, {"factor": [0.3, 0.6], "value_range": [0, 1]}],
    "RandomCrop": [{"height": 5, "width": 4, "seed": 3}, {"height": 9, "width": 4, "seed": 3}],
    "RandomElasticTransform": [{"factor": 0.5, "scale": [0.2, 0.4]}],
    "RandomErasing": [{"fill_value": 3.0}, {"factor": [0.4, 0.6], "scale": 0.5, "fill_value": [1.0, 2.0, 3.0]}],
    "RandomFlip": [{}, {"mode": "horizontal"}, {"mode": "vertical"}],
    "RandomGaussianBlur": [{"kernel_size": [5, 3], "sigma": 0.7}],
    "RandomGrayscale": [{}, {"factor": 0.8}],
    "RandomHue": [{"factor": 0.6}, {"factor": [0.2, 0.9], "value_range": [0, 1]}],
    "RandomInvert": [{"factor": 0.5}],
    "RandomPerspective": [{"scale": 0.5}],
    "RandomPosterization": [{"factor": [2, 6]}, {"factor": 3, "value_range": [0, 1]}],
    "RandomRotation": [{"factor": 0.3}, {"factor": [0.1, 0.4], "fill_mode": "constant", "fill_value": 7.0}],
    "RandomSaturation": [{"factor": [0.2, 0.8], "value_range": [0, 1]}],
    "RandomSharpness": [{"factor": 0.9}],
    "RandomShear": [{"x_factor": [0.2, 0.6], "y_factor": [0.1, 0.4]}, {"x_factor": [0.1, 0.4], "fill_mode": "wrap"}],
    "RandomTranslation": [
        {"height_factor": 0.4, "width_factor": [-0.2, 0.5], "interpolation": "nearest"},
        {"height_factor": 0.2, "width_factor": 0.3, "fill_mode": "nearest"},
    ],
    "RandomZoom": [{"height_factor": 0.5}, {"height_factor": [-0.4, 0.3], "width_factor": 0.6, "fill_mode": "wrap"}],
    "Solarization": [{"addition_factor": 0.3, "threshold_factor": [0.2, 0.9]}],
}
# Of which nothing is drawn, or what is drawn has layers of its own.
NOTHING_DRAWN = {
    *("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "MaxNumBoundingBoxes"),
    "RandomColorJitter",
}
# Which draw for every layer in them, for the whole batch, or what Keras draws later.
DRAWN_OTHERWISE = {"AugMix", "CutMix", "RandAugment", "RandomElasticTransform", "RandomGaussianBlur"}
