"""Pictures as the content of files: formats by their ending."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from nakaya.core.errors import ParameterError
from nakaya.core.text import printable

__all__ = ["ANIMATION_FORMATS", "IMAGE_FORMATS", "check_format", "encode_image"]

IMAGE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
ANIMATION_FORMATS = {".gif": "gif", ".png": "png", ".apng": "png", ".mp4": "mp4", ".webm": "webm"}


def check_format(path: Path, formats: dict[str, str]) -> str:
    """Return the format that the ending of `path` stands for.

    Raises:
        ParameterError: The ending is not among `formats`.
    """
    ending = path.suffix.lower()
    if ending not in formats:
        raise ParameterError(f"{path} has the ending {ending or 'none'!r}: use one of {', '.join(formats)}")
    return formats[ending]


def encode_image(image: Image.Image, path: Path, *, title: str = "", optimise: bool = True) -> bytes:
    """Return the content of an image file, in the format of the ending of `path`; a PNG also holds its title.

    Args:
        image: The picture.
        path: Its ending names the format.
        title: Of the picture.
        optimise: Whether a PNG takes a second or more to become a few per cent smaller.
    """
    kind = check_format(path, IMAGE_FORMATS)
    stream = BytesIO()
    if kind == "PNG":
        words = PngInfo()
        words.add_itxt("Title", printable(title))
        words.add_text("Software", "nakaya")
        image.save(stream, kind, optimize=optimise, pnginfo=words)
    elif kind == "JPEG":
        image.save(stream, kind, quality=93, subsampling=0)
    else:
        image.save(stream, kind)
    return stream.getvalue()
