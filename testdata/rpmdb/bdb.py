"""Print the packages of an rpm SQLite database as input for db5.3_load, for a hash file in the given byte order.

usage: bdb.py rpmdb.sqlite 1234|4321

Key 0 holds the highest package number, as rpm keeps it.
"""
import sqlite3
import struct
import sys

path, order = sys.argv[1:]
number = struct.Struct("<I" if order == "1234" else ">I").pack
rows = sqlite3.connect(path).execute("select hnum, blob from Packages order by hnum").fetchall()
print("VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096", f"db_lorder={order}", "HEADER=END", sep="\n")
for key, value in [(0, number(rows[-1][0])), *rows]:
    print(" " + number(key).hex(), " " + value.hex(), sep="\n")
print("DATA=END")
