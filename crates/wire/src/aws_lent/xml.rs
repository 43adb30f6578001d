//! The texts of a few elements out of a small document of XML.
//!
//! 1. Depth is counted and not followed: nothing recurses.
//! 2. A document that declares a type is refused: whoever answers a question of
//!    ours declares no entities.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

use super::Unread;

/// The texts of those elements that stand directly in the first one named
/// `within`, by their names without prefixes.
pub(super) fn read<const N: usize>(
    body: &[u8],
    within: &str,
    names: [&'static str; N],
) -> Result<[Option<String>; N], Unread> {
    let mut reader = Reader::from_reader(body);
    let mut found = [const { None }; N];
    let (mut depth, mut inside) = (0_usize, None);
    // The element that is read just now, and its text so far.
    let mut open: Option<(usize, String)> = None;
    loop {
        match reader.read_event().map_err(|_| Unread::Form)? {
            Event::Start(start) => {
                depth += 1;
                let name = start.local_name();
                match inside {
                    None if name.as_ref() == within.as_bytes() => inside = Some(depth),
                    Some(outer) if depth == outer + 1 => {
                        let known = |known: &&str| known.as_bytes() == name.as_ref();
                        let index = names.iter().position(known);
                        open = index.map(|index| (index, String::new()));
                    }
                    // Something within what should be a text.
                    Some(_) if open.is_some() => return Err(Unread::Form),
                    _ => {}
                }
            }
            Event::End(_) => {
                if let Some((index, text)) = open.take() {
                    let place = &mut found[index];
                    if place.replace(text).is_some() {
                        return Err(Unread::Twice(names[index]));
                    }
                }
                if inside == Some(depth) {
                    return Ok(found);
                }
                depth = depth.checked_sub(1).ok_or(Unread::Form)?;
            }
            Event::Text(text) => {
                if let Some((_, so_far)) = &mut open {
                    so_far.push_str(&text.decode().map_err(|_| Unread::Form)?);
                }
            }
            Event::CData(text) => {
                if let Some((_, so_far)) = &mut open {
                    so_far.push_str(&text.decode().map_err(|_| Unread::Form)?);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, so_far)) = &mut open {
                    resolve(&reference, so_far)?;
                }
            }
            Event::DocType(_) | Event::Eof => return Err(Unread::Form),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn resolve(reference: &BytesRef<'_>, into: &mut String) -> Result<(), Unread> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| Unread::Form)? {
        into.push(character);
        return Ok(());
    }
    let name = reference.decode().map_err(|_| Unread::Form)?;
    into.push_str(resolve_predefined_entity(&name).ok_or(Unread::Form)?);
    Ok(())
}
