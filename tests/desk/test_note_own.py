"""What a note's author is shown beside its pages: what stays inside, and words whose template is gone.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.packs.note_samples import BODY, FIELDS, TOML
from tests.system.notes import RECORD, documents, make_note, saved, texts
from tests.system.site import CLINICIAN, SUPERVISOR, Site

from withness.desk.front import Desk
from withness.errors import InvalidInput

FEAR = "zebra-fear\nof Sundays"


class TestWhatStaysInside:
    def test_its_author_is_shown_it_under_its_title(self, site: Site) -> None:
        """Draft and signed, before and after a restart. Planted: shown of the first version; caught."""
        id = saved(site)
        assert site.desk.note(id, actor=CLINICIAN)["inside"] == []
        site.desk.save_note(make_note(fields={"violence_told": FEAR}), actor=CLINICIAN, note=id)
        for _ in range(2):
            [one] = site.desk.note(id, actor=CLINICIAN)["inside"]
            assert (one["field"], one["words"]) == ("violence_told", FEAR)
            assert one["title"]
            assert one["section"]
            site.desk.sign_note(id, actor=CLINICIAN, shown="shown")

    @pytest.mark.parametrize("who", ["", SUPERVISOR])
    def test_nobody_else_gains_anything(self, site: Site, who: str) -> None:
        """I8: neither another clinician, nor a page, nor the chart. Planted: shown to every actor; caught."""
        id = saved(site, fields={"violence_told": FEAR})
        site.desk.sign_note(id, actor=CLINICIAN, shown="shown")
        assert site.desk.note(id, actor=who)["inside"] == []
        pages = [site.desk.render_note(id, format=kind, actor=CLINICIAN) for kind in ("md", "html", "text", "fhir")]
        whole = "".join((*pages, json.dumps(documents(site)), *texts(documents(site)[0]).values()))
        assert "zebra" not in whole
        assert "zebra" not in json.dumps(site.records())
        assert "zebra" not in site.console("note", "show", id, "--actor", who or SUPERVISOR).stdout
        assert "zebra" not in site.console("note", "show", "--actor", CLINICIAN).stdout

    def test_the_console_shows_it_to_its_author_below_the_page(self, site: Site) -> None:
        """Planted: the block left out; caught."""
        id = saved(site, fields={"violence_told": FEAR})
        shown = site.console("note", "show", id, "--actor", CLINICIAN).stdout
        page, _, block = shown.partition("stays inside Withness")
        assert "zebra" not in page
        assert "(violence_told)\n    zebra-fear\n    of Sundays\n" in block

    def test_every_sealed_field_of_every_template_is_shown(self, site: Site) -> None:
        """Whatever its kind: answers by their text, voices by name. Planted: lists of codes shown as codes; caught."""
        for template in RECORD:
            fields = site.context.note_templates[template].fields()
            sealed = {one.id: one for _, one in fields if one.sensitivity.value == "SDV"}
            if not sealed:
                continue
            given = {id: [one.options[0].code] if one.kind == "choices" else one.options[0].code
                     for id, one in sealed.items() if one.options}  # fmt: skip
            given |= {
                id: [{part.id: "zebra" for part in one.parts if part.id != "who"}]
                for id, one in sealed.items()
                if one.parts
            }
            given |= {id: "zebra" for id, one in sealed.items() if one.kind == "text"}
            id = site.desk.save_note(make_note(template, fields=given), actor=CLINICIAN)["note"]
            shown = {one["field"]: one["words"] for one in site.desk.note(id, actor=CLINICIAN)["inside"]}
            assert given.keys() <= shown.keys()
            for field in given:
                option = sealed[field].options
                assert (option[0].text if option else "zebra") in shown[field]

    def test_where_the_pages_show_it_it_is_not_shown_twice(self, tmp_path: Path) -> None:
        """Planted: shown beside the page that holds it; caught."""
        with Site(tmp_path / "home", tmp_path / "site.key", ehr_enforces_labels=True) as site:
            id = saved(site, fields={"violence_told": FEAR})
            assert site.desk.note(id, actor=CLINICIAN)["inside"] == []
            assert "zebra-fear" in site.desk.render_note(id, format="text")


class TestATemplateThatIsGone:
    @pytest.fixture
    def packs(self, tmp_path: Path) -> Path:
        """A site's folder with a template of its own."""
        folder = tmp_path / "packs" / "note_templates" / "sample"
        folder.mkdir(parents=True)
        (folder / "template.toml").write_text(TOML, encoding="utf-8")
        (folder / "note.md.j2").write_text(BODY, encoding="utf-8")
        return tmp_path / "packs"

    @pytest.fixture
    def own(self, tmp_path: Path, packs: Path) -> Iterator[Site]:
        """A site that works with it."""
        with Site(tmp_path / "home", tmp_path / "site.key", packs=packs) as site:
            yield site

    def reopened(self, site: Site, packs: Path | None) -> None:
        """Open the desk again with these packs."""
        site.context = replace(site.context, settings=replace(site.context.settings, packs=packs))
        site.desk = Desk(site.context)

    def draft(self, site: Site) -> str:
        """A draft of the site's own template."""
        note = make_note(template="session") | {"template": "sample", "fields": FIELDS}
        note.pop("prefilled", None)
        note.pop("layout", None)
        return str(site.desk.save_note(note, actor=CLINICIAN)["note"])

    def test_it_is_said_where_it_came_from_and_the_words_are_shown(self, own: Site, packs: Path) -> None:
        """Nothing is lost. Planted: "template must be one of …", as before; words left out; both caught."""
        id = self.draft(own)
        shutil.rmtree(packs / "note_templates" / "sample")
        self.reopened(own, packs)
        found = own.desk.note(id, actor=CLINICIAN)
        assert "'sample' of this note is not there any more" in found["unreadable"]
        assert str(packs / "note_templates" / "sample") in found["unreadable"]
        assert "WITHNESS_PACKS" in found["unreadable"]
        words = {one["field"]: one["words"] for one in found["words"]}
        assert words["theirs"] == "Sonntag."
        assert "I talk & nobody hears me." in words["voices"]
        assert words["nothing"] == "No"
        assert [one["template_there"] for one in own.desk.notes()] == [False]

    def test_the_setting_that_is_not_set_is_named(self, own: Site) -> None:
        """Planted: a folder called None; caught."""
        id = self.draft(own)
        self.reopened(own, None)
        assert "WITHNESS_PACKS, which is not set now" in own.desk.note(id)["unreadable"]

    def test_one_that_is_faulty_or_has_changed_is_told_as_that(self, own: Site, packs: Path) -> None:
        """Planted: a faulty one said to be gone; caught."""
        id = self.draft(own)
        file = packs / "note_templates" / "sample" / "template.toml"
        file.write_text(TOML.replace('"theirs"', '"other"'), encoding="utf-8")
        self.reopened(own, packs)
        assert "has changed since this note was saved: fields.theirs" in own.desk.note(id)["unreadable"]
        file.write_text("id = ", encoding="utf-8")
        self.reopened(own, packs)
        assert "cannot be used now: note_templates/sample/template.toml" in own.desk.note(id)["unreadable"]

    def test_its_words_are_its_authors_and_no_page_is_made_of_them(self, own: Site) -> None:
        """Without the template nobody knows which of them may leave. Planted: shown to every actor; caught."""
        id = self.draft(own)
        self.reopened(own, None)
        for who in ("", SUPERVISOR):
            assert own.desk.note(id, actor=who)["words"] == []
        for ask in (
            lambda: own.desk.render_note(id, actor=CLINICIAN),
            lambda: own.desk.sign_note(id, actor=CLINICIAN, shown="shown"),
        ):
            with pytest.raises(InvalidInput, match="is not there any more") as refused:
                ask()
            assert "withness note show" in refused.value.hint

    def test_the_console_shows_them(self, own: Site) -> None:
        """The console has no WITHNESS_PACKS here: the template is gone for it. Planted: an error instead; caught."""
        id = self.draft(own)
        mine = own.console("note", "show", id, "--actor", CLINICIAN)
        assert (mine.returncode, mine.stderr) == (0, "")
        assert "is not there any more" in mine.stdout
        assert "  theirs\n    Sonntag.\n" in mine.stdout
        theirs = own.console("note", "show", id)
        assert (theirs.returncode, "Sonntag" in theirs.stdout) == (0, False)
        assert f"withness note show {id} --actor {CLINICIAN}" in theirs.stdout
        assert "its template is not there" in own.console("note", "show").stdout
