"""The paper's tables and figures in miniature, one command: `python -m clues_research reproduction`.

worlds.py says whose rows train, plan.py what is made of them: channel tables (tables.py), trainings (arms.py on a
bench) and what final models write and know (final.py). results.py reads it all back; figure1.py to table8.py make
findings of it, which claims.py and verdicts.py hold against the paper, and files.py and page.py write down. run.py goes
all the way. paper.py rehearses the paper's own size.
"""
