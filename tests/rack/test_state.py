# SPDX-License-Identifier: GPL-2.0-only
"""What a rack keeps on disk about itself."""

from plenum_rack import state as rack_state


def test_a_removed_rack_is_forgotten(tmp_path, monkeypatch):
    """An interrupted run leaves a rack; the next one takes it down and up, and its nodes need their taps anew."""
    monkeypatch.setattr(rack_state, "RUN_DIRECTORY", tmp_path / "run")
    left = rack_state.State("left", tmp_path / "one")
    left.nodes["p1"] = {"role": "process"}
    left.add_process("p1", 1)
    found = rack_state.State("left", tmp_path / "two")
    assert found.exists and "p1" in found.nodes and "p1" in found.processes
    found.remove()
    assert not found.exists and found.nodes == {} and found.processes == {}
    assert found.logs == tmp_path / "two" / "rack" / "left"
