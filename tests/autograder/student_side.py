"""The answer's side of the border: observers, numpy and torch, and nothing of the judge's."""

import linecache
import socket
import sys

import torch

from autograder.classroom.frames import Channel, Closed
from autograder.classroom.student.answers import reply

torch.set_num_threads(1)
channel = Channel(socket.socket(fileno=int(sys.argv[1])))

while True:
    try:
        header, arrays = channel.receive()
    except Closed:
        break
    if "modules" in header:
        channel.send(sorted(sys.modules))
        continue
    source, names = header["source"], {"torch": torch, "__name__": "__main__"}
    linecache.cache["<answer>"] = (len(source), None, source.splitlines(True), "<answer>")
    exec(compile(source, "<answer>", "exec"), names)
    reply(names[header["name"]], False, header, arrays, channel)
