#!/usr/bin/env python3
"""layer.py FOLDER FILE: the upper folder of an overlay mount as the tar of an image layer, with whiteouts."""
import os
import stat
import sys
import tarfile

# Mounted over while a layer was made.
LEFT_OUT = {"mnt", "proc", "dev", "etc/resolv.conf", "etc/hosts"}


def is_whiteout(status):
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(folder):
    try:
        return os.getxattr(folder, "trusted.overlay.opaque") == b"y"
    except OSError:
        return False


def add_empty(archive, name):
    member = tarfile.TarInfo(name)
    member.mode = 0o600
    archive.addfile(member)


def add(archive, root, folder):
    for entry in sorted(os.listdir(os.path.join(root, folder))):
        name = os.path.join(folder, entry)
        full = os.path.join(root, name)
        status = os.lstat(full)
        if is_whiteout(status):
            add_empty(archive, os.path.join(folder, ".wh." + entry))
        elif stat.S_ISSOCK(status.st_mode) or (name in LEFT_OUT and not stat.S_ISDIR(status.st_mode)):
            continue
        else:
            member = archive.gettarinfo(full, name)  # knows hard links
            member.mtime = int(member.mtime)
            if member.isreg():
                with open(full, "rb") as body:
                    archive.addfile(member, body)
            else:
                archive.addfile(member)
            if member.isdir():
                if is_opaque(full):
                    add_empty(archive, os.path.join(name, ".wh..wh..opq"))
                if name not in LEFT_OUT:
                    add(archive, root, name)


with tarfile.open(sys.argv[2], "w", format=tarfile.PAX_FORMAT) as layer:
    add(layer, sys.argv[1], "")
