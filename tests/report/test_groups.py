"""Who loses rows: on the owner's page, on the coordinator's, and in words."""

from __future__ import annotations

import json
from dataclasses import replace

from clues.folders.selection import ClientCounts
from clues.report.coordinator import write_coordinator_report
from clues.report.groups import about_groups, about_uneven_clients, client_losses, group_name, group_warnings
from clues.report.owner import write_owner_report
from clues.selection.groups import GroupLoss, GroupLosses
from tests.helpers.fake_run import Shape, write_run
from tests.helpers.markup import Page

SCRIPT = "<script>window.broken=1</script>"


FRENCH = GroupLoss("language", "fr", 12, 12, 1.0, 0.7, 1.0, {"relevance": 12}, 0.0001, "gone")
FOUND = GroupLosses(
    112,
    30,
    0.27,
    0.19,
    0.36,
    (
        FRENCH,
        replace(FRENCH, field=None, value="3 to 9 characters", dropped=11, p=0.0123, warning="more"),
        replace(FRENCH, value="", warning="", dropped=3),
    ),
)


def test_a_group_named_as_markup_is_text_on_the_owners_page(tmp_path):
    shape = Shape(clients=("GARD",), rows=60, groups=(SCRIPT, "ward B", "ward C"), hostile=False)
    folder = write_run(tmp_path / "run", shape) / "clients/GARD"
    page = Page(write_owner_report(folder))
    assert f"group “{SCRIPT}”" in page.sections["groups"]
    assert [attributes.get("type") for tag, attributes in page.tags if tag == "script"] == ["application/json", None]
    assert SCRIPT not in page.source
    assert f"group “{SCRIPT}”" in page.sections["rows"]  # the filter


def test_a_warning_with_markup_is_text_too(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",), hostile=False)) / "clients/GARD"
    groups = json.loads((folder / "groups.json").read_text())
    groups["groups"][0] |= {"field": "<img src=x>", "value": SCRIPT, "warning": "gone"}
    (folder / "groups.json").write_text(json.dumps(groups))
    page = Page(write_owner_report(folder))
    assert "A whole group is dropped" in page.text
    assert f"<img src=x> “{SCRIPT}”" in page.text
    assert SCRIPT not in page.source
    assert not [tag for tag, _ in page.tags if tag == "img"]


def test_the_table_holds_every_group_worst_first(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",), rows=60, groups=("A", "B"))) / "clients/GARD"
    groups = json.loads((folder / "groups.json").read_text())["groups"]
    assert len(groups) == 6
    text = Page(write_owner_report(folder)).sections["groups"]
    places = [text.index(group_name(group["field"], group["value"])) for group in groups]
    assert places == sorted(places)


def test_a_page_without_text_names_no_value_of_a_record(tmp_path):
    shape = Shape(clients=("GARD",), rows=60, groups=("Saint Elsewhere", "ward B"), hostile=False)
    folder = write_run(tmp_path / "run", shape) / "clients/GARD"
    groups = json.loads((folder / "groups.json").read_text())
    for entry in groups["groups"]:
        entry["warning"] = "more" if entry["p"] is not None else ""
    (folder / "groups.json").write_text(json.dumps(groups))
    assert "Saint Elsewhere" in write_owner_report(folder).read_text()
    page = Page(write_owner_report(folder, include_text=False))
    assert "Saint Elsewhere" not in page.source
    assert "ward B" not in page.source
    assert "characters" in page.sections["groups"]
    assert "left out of this page" in page.sections["groups"]


def test_an_older_folder_without_groups_still_has_its_page(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD",))) / "clients/GARD"
    (folder / "groups.json").unlink()
    assert "clues select" in Page(write_owner_report(folder)).sections["groups"]


def test_warnings_say_which_group_by_which_criterion_and_how_sure():
    whole, more = [caution.text.replace("\u00a0", " ") for caution in about_groups(FOUND)]
    assert whole.startswith(
        "All 12 rows with language “fr” are dropped (of the others 18 %): 12 do not answer the question. They may be"
    )
    assert "11 of 12 rows with answers of 3 to 9 characters are dropped (of the others 19 %, p = 0.012)" in more
    assert len(group_warnings(FOUND)) == 2
    assert [caution.title for caution in about_groups(FOUND, include_text=False)] == [
        "A group loses more rows than the others"
    ]
    assert about_groups(None) == []


def test_a_name_cannot_move_the_cursor_or_turn_the_text():
    assert group_name("field\x1b[2J", "a\nb\u202ec") == "field [2J “a b c”"
    assert group_name("topic", "") == "no topic"


def test_a_client_that_loses_more_is_warned_about_and_chance_is_not():
    even = {name: ClientCounts(40, 40 - n, n, {}) for name, n in (("a", 10), ("b", 12), ("c", 9))}
    assert about_uneven_clients(even) == []
    uneven = even | {"d": ClientCounts(40, 10, 30, {})}
    [caution] = about_uneven_clients(uneven)
    assert caution.title == "A client loses more rows than the others"
    assert caution.text.replace("\u00a0", " ").startswith(
        "Dropped are 75 % of 40 rows of d (p < 0.001), and 38 % of all"
    )
    assert client_losses({"a": ClientCounts(0, 0, 0, {})})["a"].dropped_share is None
    assert about_uneven_clients({"a": ClientCounts(9, 0, 9, {})}) == []
    assert about_uneven_clients({}) == []


def test_the_coordinators_page_has_the_share_of_each_client_and_the_warning(tmp_path):
    folder = write_run(tmp_path / "run", Shape(clients=("GARD", "GHR", "NIDDK")))
    selection = json.loads((folder / "selection.json").read_text())
    for name, dropped in (("GARD", 4), ("GHR", 5), ("NIDDK", 34)):
        selection["clients"][name] |= {"kept": 40 - dropped, "dropped": dropped, "reasons": {"fluency": dropped}}
    (folder / "selection.json").write_text(json.dumps(selection))
    page = Page(write_coordinator_report(folder))
    assert "85\u00a0% 70\u00a0% to 94\u00a0%" in page.sections["clients"]
    assert "A client loses more rows than the others" in page.text
