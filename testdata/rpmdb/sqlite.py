"""Copy the table `Packages` of an rpm SQLite database into files that rpm itself rarely leaves behind.

usage: sqlite.py rpmdb.sqlite FOLDER

page-512, page-65536: other page sizes. complete.wal: a log that holds every page, as before the first checkpoint.
partial.wal: a log with a few pages of page-512.
"""
import shutil
import sqlite3
import sys

source, folder = sys.argv[1:]
rows = sqlite3.connect(source).execute("select hnum, blob from Packages order by hnum").fetchall()
TABLE = "create table Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"


def database(name, page_size, mode):
    connection = sqlite3.connect(f"{folder}/{name}", isolation_level=None)
    connection.execute(f"pragma page_size={page_size}")
    connection.execute(f"pragma journal_mode={mode}")
    connection.execute("pragma wal_autocheckpoint=0")
    return connection


def fill(connection):
    connection.execute("begin")
    connection.execute(TABLE)
    connection.executemany("insert into Packages values (?, ?)", rows)
    connection.execute("commit")


for size in (512, 65536):
    fill(database(f"page-{size}", size, "delete"))
# The logs are copied while they are open: closing the database would empty them.
connection = database("complete", 4096, "wal")
fill(connection)
shutil.copy(f"{folder}/complete-wal", f"{folder}/complete.wal")
shutil.copy(f"{folder}/page-512", f"{folder}/partial")
later = database("partial", 512, "wal")
later.execute("delete from Packages where hnum = (select max(hnum) from Packages)")
shutil.copy(f"{folder}/partial-wal", f"{folder}/partial.wal")
