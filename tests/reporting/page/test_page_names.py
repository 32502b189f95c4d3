"""Names of cells in sentences."""

from factories import metrics_frame

from noisegrid.reporting.page.names import Names, Place

NAMES = Names(metrics_frame(("smallcnn-digits", "smallcnn_bn-digits", "mine")), ["mediumcnn_k1"])


def test_a_cell_in_a_sentence_is_a_link_with_its_title():
    assert NAMES.named("smallcnn_bn-digits on cpu: 2.45 %.") == (
        '<a href="#cells-cpu-smallcnn_bn-digits">Small CNN with batch norm on digits, CPU</a>: 2.45 %.'
    )


def test_a_noise_behind_a_cell_has_its_title():
    assert str(NAMES.named("mine on cpu, impl; impl")).endswith("CPU</a>, implementation; impl")


def test_tasks_and_networks_alone_read_as_titles():
    assert NAMES.named("smallcnn_bn-digits against smallcnn-digits (mediumcnn_k1, n = 5)") == (
        "Small CNN with batch norm on digits against Small CNN on digits (Medium CNN 1×1, n = 5)"
    )


def test_a_part_of_a_longer_name_is_no_name():
    for text in ("mine2", "not-mine", "results/mine/metrics.csv", "undermine"):
        assert NAMES.named(text) == text


def test_the_rest_of_a_sentence_is_escaped():
    assert NAMES.named("<b>mine</b> & \x1b[2J") == "&lt;b&gt;mine&lt;/b&gt; &amp; \N{REPLACEMENT CHARACTER}[2J"


def test_a_section_is_named_by_titles_and_its_key_by_names():
    place = Place("v100@torch2.7-cu126", "smallcnn-digits")
    assert place.title == "Small CNN on digits, V100 (PyTorch 2.7, CUDA 12.6)"
    assert place.key == "v100@torch2.7-cu126/smallcnn-digits"
