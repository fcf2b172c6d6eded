//! From a form to pictures of a product: all of its files, or nothing of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use multer::Field;
use serde_json::Value;
use slippers_core::catalog::{Image, Variant};
use slippers_core::images::NewImage;
use slippers_core::images::rules::MAX_UPLOAD;
use slippers_core::types::SlipperId;
use slippers_pictures::{PictureError, Remade, Temporary, remake};
use tokio::io::AsyncWriteExt as _;

use super::pictures::{random_name, to_the_end, url};
use crate::http::errors::{ApiError, Code};
use crate::http::form::{Form, next_chunk};
use crate::http::input::{Fault, FieldFault};
use crate::pool::{Place, PoolError};
use crate::shop::Shop;

const FIELD: &str = "images";
const EXTENSIONS: [&str; 5] = ["jpg", "jpeg", "png", "webp", "gif"];

/// A file as it came.
struct Received {
    /// Its name as the client has it, for the answer alone.
    told_name: String,
    extension: &'static str,
    file: Temporary,
}

/// A picture that is ready but for its name.
struct Ready {
    name: String,
    extension: &'static str,
    made: Remade,
}

/// Reads the pictures of a form and gives them to a product.
pub(super) async fn upload(
    shop: Arc<Shop>,
    slipper: SlipperId,
    mut form: Form,
) -> Result<Vec<Image>, ApiError> {
    let place = shop.pictures.enter()?;
    if shop.store.find_slipper(slipper).await?.is_none() {
        return Err(Code::SlipperNotFound.into());
    }
    shop.pictures.prepare().map_err(disk)?;
    let received = receive(&shop, &mut form).await?;
    drop(form);
    let mut ready = Vec::with_capacity(received.len());
    for file in received {
        ready.push(work_on(&shop, &place, file).await?);
    }
    to_the_end(put_away(shop, place, slipper, ready)).await
}

/// Puts the files of a form on the disk. That there are too many, or one of another kind, is told before any is looked
/// into.
async fn receive(shop: &Shop, form: &mut Form) -> Result<Vec<Received>, ApiError> {
    let mut received = Vec::new();
    let mut count = 0;
    let mut refused = None;
    while let Some(mut field) = form.next().await? {
        if field.name() != Some(FIELD) {
            while next_chunk(&mut field).await?.is_some() {}
            continue;
        }
        let Some(told_name) = field.file_name().map(str::to_owned) else { return Err(not_a_file(count)) };
        count += 1;
        if count > MAX_UPLOAD {
            return Err(Code::TooManyImages.into());
        }
        if let Some(extension) = extension(&told_name) {
            let file = store(shop, &mut field).await?;
            received.push(Received { told_name, extension, file });
        } else {
            while next_chunk(&mut field).await?.is_some() {}
            refused.get_or_insert(told_name);
        }
    }
    match refused {
        Some(name) => Err(invalid_file(&name)),
        None if received.is_empty() => {
            let loc = vec!["body".into(), FIELD.into()];
            Err(ApiError::invalid(vec![FieldFault::new(Fault::missing(), loc, &Value::Null)]))
        }
        None => Ok(received),
    }
}

fn not_a_file(at: usize) -> ApiError {
    let fault = Fault::value("Expected UploadFile, received: <class 'str'>");
    ApiError::invalid(vec![FieldFault::new(
        fault,
        vec!["body".into(), FIELD.into(), at.into()],
        &Value::Null,
    )])
}

fn invalid_file(name: &str) -> ApiError {
    // A name is told back as it came, but not a novel.
    let name: String = name.chars().take(255).collect();
    ApiError::saying(Code::ImageInvalid, format!("{} for file {name}", Code::ImageInvalid.detail()))
}

/// What the file's name ends with, in small letters, if it is one of the list.
fn extension(name: &str) -> Option<&'static str> {
    let (_, found) = name.rsplit_once('.')?;
    EXTENSIONS.into_iter().find(|extension| found.eq_ignore_ascii_case(extension))
}

async fn store(shop: &Shop, field: &mut Field<'static>) -> Result<Temporary, ApiError> {
    let path = shop.pictures.incoming().join(random_name(&*shop.entropy)?);
    let (kept, file) = Temporary::create(path).map_err(disk)?;
    let mut file = tokio::fs::File::from_std(file);
    while let Some(chunk) = next_chunk(field).await? {
        file.write_all(&chunk).await.map_err(disk)?;
    }
    file.flush().await.map_err(disk)?;
    Ok(kept)
}

async fn work_on(shop: &Shop, place: &Place, received: Received) -> Result<Ready, ApiError> {
    let name = random_name(&*shop.entropy)?;
    let Received { told_name, extension, file } = received;
    // The file goes with the work: if the client leaves, both end together.
    match place.run(move || remake(file.path())).await {
        Ok(Ok(made)) => Ok(Ready { name, extension, made }),
        Ok(Err(PictureError::Disk(error))) => Err(disk(error)),
        Ok(Err(PictureError::Invalid(cause))) => {
            tracing::debug!(cause, "a picture is refused: {cause}");
            Err(invalid_file(&told_name))
        }
        // A file that makes a decoder panic is no picture either, but somebody should know.
        Err(PoolError::Died(cause)) => {
            tracing::error!(cause, "a picture could not be decoded: {cause}");
            Err(invalid_file(&told_name))
        }
        Err(full) => Err(full.into()),
    }
}

/// Gives the files their names, and then the product its pictures. Files that no picture came of are taken away again.
async fn put_away(
    shop: Arc<Shop>,
    place: Place,
    slipper: SlipperId,
    ready: Vec<Ready>,
) -> Result<Vec<Image>, ApiError> {
    let here = Arc::clone(&shop);
    let rename = move || -> io::Result<(Vec<NewImage>, Vec<Temporary>)> {
        let named = ready.into_iter().map(|ready| name(ready, |name| here.pictures.file(name)));
        let named = named.collect::<io::Result<Vec<_>>>()?;
        here.pictures.sync()?;
        let (new, files): (Vec<_>, Vec<_>) = named.into_iter().unzip();
        Ok((new, files.into_iter().flatten().collect()))
    };
    let (new, files) = place.run(rename).await?.map_err(disk)?;
    let added = shop.store.add_images(slipper, new, shop.now()).await?;
    files.into_iter().for_each(Temporary::keep);
    Ok(added)
}

fn name<P: AsRef<Path> + Into<std::path::PathBuf>>(
    ready: Ready,
    place: impl Fn(&str) -> P,
) -> io::Result<(NewImage, Vec<Temporary>)> {
    let Ready { name, extension, made: Remade { mut file, variants } } = ready;
    let whole = format!("{name}.{extension}");
    file.rename(place(&whole).into())?;
    let mut files = vec![file];
    let mut told = Vec::new();
    for mut small in variants {
        let narrow = format!("{name}-{}.{}", small.width, small.extension);
        small.file.rename(place(&narrow).into())?;
        told.push(Variant { width: small.width, path: url(&narrow) });
        files.push(small.file);
    }
    Ok((NewImage { path: url(&whole), variants: told }, files))
}

fn disk(error: io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ApiError::overloaded(error),
        _ => ApiError::because(Code::Internal, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_file_is_the_end_of_its_name() {
        for (name, kind) in [
            ("a.png", Some("png")),
            ("A.JPeG", Some("jpeg")),
            (".gif", Some("gif")),
            ("../../etc/passwd.webp", Some("webp")),
            ("a.png.exe", None),
            ("a.svg", None),
            ("png", None),
            ("a.png ", None),
            ("a.png\0.html", None),
            ("", None),
        ] {
            assert_eq!(extension(name), kind, "{name:?}");
        }
    }
}
