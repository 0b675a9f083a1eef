"""One revision = one commit = one tag on the Hub; publishing twice changes nothing."""

import json
import tempfile
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

from core.data.revisions import verify
from core.errors import InputError


def publish(folder: Path, repository: str, api: HfApi | None = None) -> str:
    """Publish an exported revision as a dataset. Returns the commit's sha, tagged with the revision's tag.

    Safe to repeat after any failure: a commit that already holds this content is found by the hash in its manifest.
    Raises InputError if the tag is taken by other content, if somebody else commits meanwhile, or if the Hub refuses.
    """
    api = api or HfApi()
    manifest = verify(folder)
    try:
        api.create_repo(repository, repo_type="dataset", exist_ok=True)
        tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(repository, repo_type="dataset").tags}
        if manifest["tag"] in tags:
            if _revision_at(api, repository, manifest["tag"]) != manifest["revision"]:
                raise InputError(f"tag {manifest['tag']} of {repository} is taken by other content: choose a new tag")
            return tags[manifest["tag"]]
        head = str(api.repo_info(repository, repo_type="dataset").sha)
        if _revision_at(api, repository, head) == manifest["revision"]:
            commit = head
        else:
            commit = _commit(api, folder, repository, manifest, head)
        api.create_tag(repository, repo_type="dataset", tag=manifest["tag"], revision=commit)
    except InputError:
        raise
    except HfHubHTTPError as error:
        raise InputError(f"the Hub refused to publish {repository}: {error.server_message or error}") from None
    except Exception as error:  # the errors of the client's transport share no base across its versions
        raise InputError(f"can't publish {repository}: {error}") from None
    return commit


def fetch(repository: str, revision: str, folder: Path, api: HfApi | None = None) -> Path:
    """Download a published revision, by tag or commit, into a folder. Raises InputError."""
    try:
        (api or HfApi()).snapshot_download(repository, repo_type="dataset", revision=revision, local_dir=folder)
    except Exception as error:  # as above
        raise InputError(f"can't fetch {repository}@{revision} from the Hub: {error}") from None
    return folder


def _commit(api: HfApi, folder: Path, repository: str, manifest: dict, head: str) -> str:
    files = [*manifest["files"], "manifest.json"]
    present = api.list_repo_files(repository, repo_type="dataset", revision=head)
    stale = [name for name in present if name.startswith("data/") and name not in files]
    commit = api.create_commit(
        repository,
        [CommitOperationAdd(name, folder / name) for name in files] + [CommitOperationDelete(name) for name in stale],
        repo_type="dataset",
        commit_message=f"Revision {manifest['tag']}",
        commit_description=f"Content hash {manifest['revision']}",
        parent_commit=head,  # 412 if somebody else commits meanwhile
    )
    return commit.oid


def _revision_at(api: HfApi, repository: str, revision: str) -> str | None:
    """The content hash that the manifest of a commit or tag pins, None where there is no manifest."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = api.hf_hub_download(
                repository, "manifest.json", repo_type="dataset", revision=revision, local_dir=folder
            )
            return json.loads(Path(path).read_text(encoding="utf-8")).get("revision")
        except EntryNotFoundError:
            return None
