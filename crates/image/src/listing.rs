//! Lists of images in error messages: what is there instead of what was asked for.

use supercargo_content::Descriptor;

use crate::document::excerpt;
use crate::layout::names;

/// Entries shown before a message says how many more there are.
const LISTED_MAX: usize = 24;

/// Images with their name or platform, and digest.
pub(crate) fn listed(images: &[Descriptor]) -> String {
    list(images, |image| match (names(image).next(), &image.platform) {
        (Some(name), _) => format!("`{}` ({})", excerpt(name), image.digest),
        (None, Some(platform)) => format!("{platform} ({})", image.digest),
        (None, None) => image.digest.to_string(),
    })
}

/// Items in their order, separated by commas and cut off in words.
pub(crate) fn list<T>(items: &[T], one: impl Fn(&T) -> String) -> String {
    if items.is_empty() {
        return "no image".to_owned();
    }
    let mut list = items.iter().take(LISTED_MAX).map(one).collect::<Vec<_>>().join(", ");
    if items.len() > LISTED_MAX {
        list.push_str(&format!(" and {} more", items.len() - LISTED_MAX));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_off_in_words() {
        let numbers: Vec<u32> = (0..26).collect();
        let text = list(&numbers, u32::to_string);
        assert!(text.starts_with("0, 1, ") && text.ends_with(", 23 and 2 more"), "{text}");
        assert_eq!(list::<u32>(&[], u32::to_string), "no image");
    }
}
