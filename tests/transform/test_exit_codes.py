import pytest

from transform.errors import DataError, GateError, KubeflowError, ReadalikeError
from transform.exit_codes import with_exit_code


@pytest.mark.parametrize(("error", "code"), [(DataError, 2), (GateError, 3), (KubeflowError, 1), (ReadalikeError, 1)])
def test_an_error_of_ours_is_one_line_and_its_code(
    error: type[ReadalikeError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    @with_exit_code()
    def main() -> int:
        raise error("x.csv: is empty.")

    assert main() == code
    assert capsys.readouterr() == ("", "error: x.csv: is empty.\n")


def test_an_interrupt_is_told_in_the_programs_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    @with_exit_code("stopped; go on with the same command")
    def main() -> int:
        raise KeyboardInterrupt

    assert main() == 130
    assert capsys.readouterr() == ("", "\nstopped; go on with the same command\n")


def test_what_is_returned_and_what_nobody_expects_come_through() -> None:
    @with_exit_code()
    def main(code: int) -> int:
        """Ends with `code`."""
        return 10 // code

    assert main(5) == 2
    assert main.__doc__ == "Ends with `code`."
    with pytest.raises(ZeroDivisionError):
        main(0)
