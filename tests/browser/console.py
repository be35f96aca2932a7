"""What a person does in a chat and in the console."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

INNERMOST = """((element) => {
    while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
})(document.activeElement)"""


class Chat:
    """A conversation on a page: the console's or the widget's."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.composer = page.get_by_role("textbox", name="Message", exact=True)
        self.stop = page.get_by_role("button", name="Stop", exact=True)
        self.answers = page.locator("turn-message article.assistant")
        self.own = page.locator("turn-message article.user")
        self.bar = page.locator(".link-bar")

    async def says(self, text: str) -> None:
        """Types a message and presses Enter."""
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def hears(self, text: str) -> Locator:
        """The only answer with that text, once it is complete."""
        answer = self.answers.filter(has_text=text)
        await expect(answer).to_have_count(1)
        await expect(self.stop).to_have_count(0)
        return answer

    async def shows(self, text: str) -> Locator:
        """The only user message with that text."""
        message = self.own.filter(has_text=text)
        await expect(message).to_have_count(1)
        return message

    async def asks(self, text: str, answer: str) -> Locator:
        """Sends a message and waits for the answer."""
        await self.says(text)
        return await self.hears(answer)


class Console(Chat):
    """The console, from the list of sessions to the list of shortcuts."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.rows = page.get_by_role("list", name="Sessions").get_by_role("listitem")
        self.search = page.get_by_role("searchbox")

    async def is_in(self) -> None:
        """Waits until somebody is signed in and the list is loaded."""
        await expect(self.page.get_by_role("list", name="Sessions")).to_have_attribute("aria-busy", "false")

    def row(self, title: str) -> Locator:
        """The sessions with that title."""
        return self.rows.filter(has_text=title)

    async def lists(self, *titles: str) -> None:
        """Waits for exactly these sessions, in this order."""
        await expect(self.rows).to_have_count(len(titles))
        await expect(self.rows).to_contain_text(list(titles))

    async def filters(self, channel: str) -> None:
        """Shows one channel's sessions; `All` shows those of all channels."""
        await self.page.get_by_role("group", name="Channel").get_by_role("button", name=channel).click()

    async def selects(self, title: str) -> None:
        """Opens a session from the list."""
        await self.row(title).get_by_role("link").click()
        await expect(self.page.get_by_role("heading", level=1, name=title)).to_be_visible()

    async def focus(self) -> str:
        """The innermost focused element: tag, and label or text."""
        found: str = await self.page.evaluate(
            f"() => {{ const element = {INNERMOST}; "
            "return `${element.tagName} ${element.ariaLabel ?? element.innerText ?? ''}`.trim(); }"
        )
        return found

    async def focus_is_drawn(self) -> bool:
        """Whether the focus is visible; the composer draws it around its box, and a page has none."""
        drawn: bool = await self.page.evaluate(
            f"() => {{ const element = {INNERMOST}; "
            "const outline = getComputedStyle(element); const box = element.closest('.box, .search'); "
            "return element === document.body || (outline.outlineStyle !== 'none' && outline.outlineWidth !== '0px')"
            " || (box !== null && getComputedStyle(box).boxShadow !== 'none'); }"
        )
        return drawn
