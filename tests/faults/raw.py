"""What loses nothing at a power cut, for comparison: a line appended, forced to disk, then acknowledged. ::

python -S raw.py FILE LOG
"""

import os
import sys

kept = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
log = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
folder = os.open(os.path.dirname(sys.argv[1]), os.O_RDONLY)
os.fsync(folder)
number = int(sys.argv[3])
while True:
    os.write(kept, b"%d\n" % number)
    os.fsync(kept)
    os.write(log, b"%d\n" % number)
    number += 1
