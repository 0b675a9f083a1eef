from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError

from core.errors import InputError
from labeling import hub, masks
from labeling.studio import Studio
from tests.labeling.conftest import new


def http_error(kind: type[HfHubHTTPError], status: int, words: str) -> HfHubHTTPError:
    response = httpx.Response(status, request=httpx.Request("GET", "https://hub.test"))
    return kind(words, response=response, server_message=words)


@dataclass
class FakeHub:
    """One dataset repository: commits hold whole trees, tags point at commits. Failures can be planned."""

    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{".gitattributes": b""}])
    tags: dict[str, str] = field(default_factory=dict)
    fail_after_commit: bool = False

    def _tree(self, revision: str) -> dict[str, bytes]:
        return self.commits[int(self.tags.get(revision, revision))]

    def create_repo(self, repository: str, **_: object) -> None:
        pass

    def list_repo_refs(self, repository: str, **_: object) -> SimpleNamespace:
        return SimpleNamespace(tags=[SimpleNamespace(name=name, target_commit=sha) for name, sha in self.tags.items()])

    def repo_info(self, repository: str, **_: object) -> SimpleNamespace:
        return SimpleNamespace(sha=str(len(self.commits) - 1))

    def list_repo_files(self, repository: str, revision: str, **_: object) -> list[str]:
        return list(self._tree(revision))

    def hf_hub_download(self, repository: str, name: str, revision: str, local_dir: str, **_: object) -> str:
        if name not in self._tree(revision):
            raise http_error(RemoteEntryNotFoundError, 404, "no such entry")
        path = Path(local_dir) / name
        path.write_bytes(self._tree(revision)[name])
        return str(path)

    def create_commit(self, repository: str, operations: list, parent_commit: str, **_: object) -> SimpleNamespace:
        if parent_commit != self.repo_info(repository).sha:
            raise http_error(HfHubHTTPError, 412, "a commit has happened since")
        tree = dict(self.commits[-1])
        for operation in operations:
            if hasattr(operation, "path_or_fileobj"):
                tree[operation.path_in_repo] = Path(operation.path_or_fileobj).read_bytes()
            else:
                del tree[operation.path_in_repo]
        self.commits.append(tree)
        if self.fail_after_commit:
            self.fail_after_commit = False
            raise http_error(HfHubHTTPError, 500, "internal error")
        return SimpleNamespace(oid=str(len(self.commits) - 1))

    def create_tag(self, repository: str, tag: str, revision: str, **_: object) -> None:
        self.tags[tag] = revision


@pytest.fixture
def revisions(studio: Studio, tmp_path: Path) -> tuple[Path, Path]:
    """Folders of two revisions, tagged v1 and v2."""
    studio.import_items([new(1), new(2)])
    for item in (1, 2):
        mask = {"size": [7, 5], "runs": [item, 1]}
        masks.validate(mask, 7, 5)
        studio.save("ann", item, 0, {"mask": mask}, f"key-000{item}")
        studio.export(tmp_path / f"v{item}", f"v{item}")
    return tmp_path / "v1", tmp_path / "v2"


def test_a_revision_is_one_commit_and_one_tag_and_publishing_again_changes_nothing(revisions) -> None:
    fake = FakeHub()
    commit = hub.publish(revisions[0], "team/set", fake)
    assert hub.publish(revisions[0], "team/set", fake) == commit == fake.tags["v1"]
    assert len(fake.commits) == 2
    assert {"README.md", "manifest.json", "data/masks/train.parquet"} <= fake.commits[-1].keys()


def test_two_revisions_are_two_commits_and_old_files_go(revisions) -> None:
    fake = FakeHub()
    fake.commits[0]["data/old/train.parquet"] = b"old"
    hub.publish(revisions[0], "team/set", fake)
    hub.publish(revisions[1], "team/set", fake)
    assert len(fake.commits) == 3 and fake.tags == {"v1": "1", "v2": "2"}
    assert "data/old/train.parquet" not in fake.commits[-1] and ".gitattributes" in fake.commits[-1]


def test_a_server_error_after_the_commit_leads_to_no_second_commit(revisions) -> None:
    fake = FakeHub(fail_after_commit=True)
    with pytest.raises(InputError, match="internal error"):
        hub.publish(revisions[0], "team/set", fake)
    assert hub.publish(revisions[0], "team/set", fake) == "1"
    assert len(fake.commits) == 2 and fake.tags == {"v1": "1"}


def test_a_tag_with_other_content_is_refused(revisions) -> None:
    fake = FakeHub()
    hub.publish(revisions[0], "team/set", fake)
    fake.commits[1]["manifest.json"] = (revisions[1] / "manifest.json").read_bytes()
    with pytest.raises(InputError, match="taken by other content"):
        hub.publish(revisions[0], "team/set", fake)


def test_somebody_elses_commit_in_between_is_not_overwritten(revisions) -> None:
    class Raced(FakeHub):
        def list_repo_files(self, repository: str, revision: str, **more: object) -> list[str]:
            self.commits.append({"theirs": b""})
            return super().list_repo_files(repository, revision, **more)

    fake = Raced()
    with pytest.raises(InputError, match="a commit has happened since"):
        hub.publish(revisions[0], "team/set", fake)
    assert fake.commits[-1] == {"theirs": b""} and not fake.tags


def test_a_damaged_revision_is_not_published(revisions) -> None:
    (revisions[0] / "README.md").write_text("other")
    fake = FakeHub()
    with pytest.raises(InputError, match=r"README\.md"):
        hub.publish(revisions[0], "team/set", fake)
    assert len(fake.commits) == 1
