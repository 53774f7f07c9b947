"""Whether a file is fit to hold a secret: nobody but its owner can read it, and nobody else can put another one in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["private_file_problem"]

ROOT = 0


def private_file_problem(path: Path) -> str:
    """Why a file is unfit to hold secrets; empty when it is fit.

    A link may lead to it, as container platforms have it; then the place of the link is as important as that of the file.
    """
    try:
        found = path.stat()
        folders = {path.absolute().parent, path.resolve().parent}
        open_folders = [folder for folder in sorted(folders) if _open(folder.stat())]
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is no file"
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{path} can be read by other users (mode {stat.S_IMODE(found.st_mode):04o}); run: chmod 600 {path}"
    if found.st_uid not in (os.geteuid(), ROOT):
        return f"{path} belongs to another user (id {found.st_uid}), who can change it; run: chown {os.geteuid()} {path}"
    if open_folders:
        return f"{path} can be replaced by other users, who may write in {open_folders[0]}; run: chmod o-w {open_folders[0]}"
    return ""


def _open(folder: os.stat_result) -> bool:
    """Everybody may put files into a folder, in the place of those of others (which the sticky bit would forbid)."""
    return bool(folder.st_mode & stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX
