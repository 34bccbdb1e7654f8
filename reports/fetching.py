"""What WeasyPrint may open while it lays a report out."""

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from weasyprint.urls import FatalURLFetchingError, URLFetcher


class LocalOnly(URLFetcher):
    """Opens files below `folders` and data URIs; any other address stops the rendering."""

    def __init__(self, folders: tuple[Path, ...]):
        super().__init__(allowed_protocols=("file", "data"), allow_redirects=False)
        self._folders = tuple(folder.resolve() for folder in folders)

    def fetch(self, url, headers=None):
        parts = urlsplit(url)
        if parts.scheme == "data":
            return super().fetch(url, headers)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            path = Path(url2pathname(parts.path)).resolve()
            if any(path.is_relative_to(folder) for folder in self._folders):
                return super().fetch(url, headers)
        raise FatalURLFetchingError(f"the report may not open {url}")
