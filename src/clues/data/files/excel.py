"""Excel workbooks: the first row of a sheet is the header. A copy is the workbook without the other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clues.data.files.arrow import check_names
from clues.data.files.formats import Item, value_item
from clues.errors import ReadingError


class Excel:
    """One sheet of a workbook; `sheet` names it where there are several. An item's line is the row's number."""

    suffix = ".xlsx"

    def __init__(self, path: Path, sheet: str) -> None:
        self.path = self.location = path
        self._sheet = sheet
        self.notes: list[str] = []

    def size(self) -> int:
        """See `DataSet`."""
        with self._opened(read_only=True) as book:
            return self._chosen(book).max_row or 0

    def items(self) -> Iterator[Item]:
        """See `DataSet`."""
        with self._opened(read_only=True) as book:
            rows = enumerate(self._chosen(book).iter_rows(values_only=True), start=1)
            names = self._names(next(rows, (1, ()))[1])
            for number, cells in rows:
                if all(cell is None for cell in cells):
                    continue
                named, more = cells[: len(names)], cells[len(names) :]
                if any(cell is not None for cell in more):
                    yield Item(
                        number, str(cells), None, f"a cell beyond the {len(names)} columns that the header names"
                    )
                else:
                    yield value_item(number, dict(zip(names, map(_plain, named), strict=False)))

    def copy(self, lines: Sequence[int], out: Path) -> None:
        """See `DataSet`."""
        with self._opened(read_only=False) as book:
            sheet = self._chosen(book)
            # Kept rows move up, and one deletion takes the rest: single deletions would each move all rows below.
            for number, line in enumerate(lines, start=2):
                for target, source in zip(sheet[number], sheet[line], strict=True):
                    target.value, target.number_format = source.value, source.number_format
            sheet.delete_rows(len(lines) + 2, sheet.max_row)
            with out.open("wb") as file:
                book.save(file)

    def _chosen(self, book: Any) -> Any:
        names = [sheet.title for sheet in book.worksheets if sheet.max_row and (sheet.max_row > 1 or sheet["A1"].value)]
        name = self._sheet or (names[0] if len(names) == 1 else "")
        if name not in book.sheetnames:
            asked = f"no sheet {name!r}; " if name else ""
            there = names or book.sheetnames
            raise ReadingError(
                f"{self.path}: {asked}the sheets are {', '.join(there)}; name one, as in {self.path}:{there[0]}"
            )
        return book[name]

    def _names(self, cells: Sequence[Any]) -> list[str]:
        names = ["" if cell is None else str(cell).strip() for cell in cells]
        while names and not names[-1]:
            names.pop()
        if not names:
            raise ReadingError(f"{self.path}: the sheet's first row is empty: a header is needed")
        check_names(names, str(self.path))
        return names

    @contextmanager
    def _opened(self, read_only: bool) -> Iterator[Any]:
        import openpyxl

        try:
            book = openpyxl.load_workbook(self.path, read_only=read_only, data_only=read_only)
        except Exception as error:  # zip's, XML's and the library's own, all for a file that is no workbook
            raise ReadingError(f"{self.path}: not an Excel workbook that can be read: {error}") from error
        try:
            yield book
        finally:
            book.close()


def _plain(cell: Any) -> Any:
    """A cell as a record has it: numbers and texts as they are, dates as text."""
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)
