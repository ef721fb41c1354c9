import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "spoken_digits.py"
RECORDINGS = ROOT / "examples" / "recordings" / "spoken_digits.npz"
EXAMPLE = runpy.run_path(str(SCRIPT))


def test_the_lstm_recognizes_more_than_the_naive_listeners(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = EXAMPLE["main"](epochs=12, recordings=RECORDINGS, copies=6, pictures=tmp_path)
    shares = {listener: np.mean(list(by_noise.values())) for listener, by_noise in figures.by_noise.items()}
    assert shares["LSTM"] > shares["nearest mean spectrum"] + 0.05
    assert shares["nearest mean spectrum"] > shares["always the same"] == pytest.approx(0.1)
    printed = capsys.readouterr().out
    assert "50 clips training, 10 clips validation, 20 clips held out" in printed
    assert f"LSTM                   {figures.accuracy['LSTM']:6.1%}" in printed
    for name in ("spoken_digits.png", "spoken_digits_training.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_recordings_that_come_along_are_small_and_whole() -> None:
    assert RECORDINGS.stat().st_size < 200_000
    clips = EXAMPLE["load"](RECORDINGS)
    for part, voices in (("training", 5), ("validation", 1), ("held out", 2)):
        assert [clip.digit for clip in clips if clip.part == part] == [*range(10)] * voices
    for clip in clips:
        assert clip.samples.dtype == np.float32
        assert np.abs(clip.samples).max() == pytest.approx(1)
        assert 0.1 < len(clip.samples) / EXAMPLE["RATE"] < 1, "seconds"


def test_recordings_are_read_as_they_were_written(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    clips = [
        EXAMPLE["Clip"](part, digit, generator.uniform(-1, 1, length).astype(np.float32))
        for part, digit, length in (("training", 3, 50), ("held out", 7, 71))
    ]
    EXAMPLE["save"](tmp_path / "clips.npz", clips)
    read = EXAMPLE["load"](tmp_path / "clips.npz")
    assert [clip[:2] for clip in read] == [clip[:2] for clip in clips]
    for before, after in zip(clips, read, strict=True):
        # half a step of 127 on mu-law's scale, whose slope is at most log(256) (1 + 255 |x|) / 255
        step = np.log(256) * (1 + 255 * np.abs(before.samples)) / 255 / 254
        assert (np.abs(after.samples - before.samples) <= 1.05 * step).all()


def test_no_voice_or_accent_is_in_two_parts() -> None:
    for voices in (EXAMPLE["VOICES"], EXAMPLE["FEW_VOICES"]):
        for names in ([part.accents.split() for part in voices.values()], [p.timbres.split() for p in voices.values()]):
            everything = [name for some in names for name in some]
            assert len(everything) == len(set(everything))


def test_a_spectrogram_shows_a_tone_in_its_band_and_padding_is_zero() -> None:
    time = np.arange(2000) / EXAMPLE["RATE"]
    tone = np.sin(2 * np.pi * 1100 * time).astype(np.float32)
    spectrum = EXAMPLE["spectrogram"](tone)
    assert spectrum.shape == (1 + (2000 - 256) // 100, 16)
    assert (spectrum.argmax(axis=1) == 1100 // 250).all()
    data = EXAMPLE["Data"]([spectrum, spectrum[:5] ** 2], np.array([1, 2]))
    padded = data.padded(np.full(16, 2, np.float32))
    assert padded.shape == (2, 18, 16)
    np.testing.assert_array_equal(padded[1, 5:], 0)
    np.testing.assert_allclose(padded[1, :5].mean(axis=0), 0, atol=1e-5)


def test_noise_has_the_level_that_was_asked_for() -> None:
    speech = np.sin(np.arange(20_000)).astype(np.float32)
    noise = EXAMPLE["with_noise"](speech, 10.0, np.random.default_rng(0)) - speech
    assert 10 * np.log10(np.mean(speech**2) / np.mean(noise**2)) == pytest.approx(10, abs=0.1)


def test_without_espeak_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert printed.startswith("espeak-ng is not on the PATH. Install it (`apt-get install espeak-ng`")
    assert printed.endswith("--recordings examples/recordings/spoken_digits.npz\n")


def test_espeak_is_asked_for_every_voice_and_digit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in the place of espeak-ng writes down what it is asked, and a tone that rises with the digit."""
    program = tmp_path / "espeak-ng"
    program.write_text(
        f"""#!{sys.executable}
import array, math, sys, wave
options, (text,) = dict(zip(sys.argv[1:-1:2], sys.argv[2:-1:2])), sys.argv[-1:]
silence, tone = [0] * 3000, [int(9000 * math.sin(0.1 * (1 + int(text)) * i)) for i in range(6000)]
with wave.open(options["-w"], "wb") as file:
    file.setparams((1, 2, 16000, 0, "NONE", ""))
    file.writeframes(array.array("h", silence + tone + silence).tobytes())
with open({str(tmp_path / "asked")!r}, "a") as asked:
    asked.write(f"{{options['-v']}} {{options['-s']}} {{options['-p']}} {{text}}\\n")
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    voices = {"training": EXAMPLE["Voices"]("en-us", "m1 f1", (200, 210)), "held out": EXAMPLE["Voices"]("en-gb", "m2")}
    clips = EXAMPLE["record"](voices)
    assert [(clip.part, clip.digit) for clip in clips] == [
        *(("training", digit) for _ in range(2) for digit in range(10)),
        *(("held out", digit) for digit in range(10)),
    ]
    asked = [line.split() for line in (tmp_path / "asked").read_text().splitlines()]
    expected = {(voice, str(digit)) for voice in ("en-us+m1", "en-us+f1", "en-gb+m2") for digit in range(10)}
    assert {(voice, text) for voice, _, _, text in asked} == expected
    assert all(200 <= int(speed) < 210 for voice, speed, _, _ in asked if voice.startswith("en-us"))
    for clip in clips:
        assert len(clip.samples) == pytest.approx(3000, abs=40), "8000 samples a second, and no silence around"
        assert np.abs(clip.samples).max() == pytest.approx(1)
        frequencies = np.abs(np.fft.rfft(clip.samples, 8000))
        assert frequencies.argmax() == pytest.approx(0.1 * (1 + clip.digit) * 16000 / (2 * np.pi), abs=5)
