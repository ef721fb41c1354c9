import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "keras_script.py"


def test_it_prints_what_keras_prints() -> None:
    run = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=True, timeout=300)
    printed = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout)  # Keras' colours
    assert 'Model: "sequential"' in printed
    assert "Total params: 20,951 (81.84 KB)" in printed
    line = r"7/7 ━{20} \d+s \d+[mu]s/step - accuracy: [01]\.\d{4} - loss: [01]\.\d{4}"
    _, *epochs = re.split(r"^Epoch (\d+)/10\n", printed, flags=re.MULTILINE)
    assert [int(number) for number in epochs[::2]] == [*range(1, 11)]
    for shown in epochs[1::2]:
        assert re.search(line, shown)  # twice where the last batch took long: progress is shown, and then the end
    assert printed.rstrip().endswith("(5, 10, 50) (5, 50) (5, 50)")
