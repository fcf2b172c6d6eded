//! From a sheet to a small file: a few colours, chosen for the picture. A third of the size of a full-colour PNG,
//! and next to the shading of the drawings the eye does not see the difference.

use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use tiny_skia::Pixmap;

use super::PictureError;

type Colour = [u8; 3];

/// Colours of a file. With 256 the files are half as large again and look the same.
const COLOURS: usize = 112;

/// The sheet as an indexed PNG file; every pixel must be opaque.
pub(super) fn png(pixmap: &Pixmap) -> Result<Vec<u8>, PictureError> {
    let cells: Vec<usize> = pixmap.pixels().iter().map(|p| cell([p.red(), p.green(), p.blue()])).collect();
    let mut counts = vec![0_u32; CELLS];
    for at in &cells {
        counts[*at] += 1;
    }
    let used = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let (palette, index_of) = reduce(used.map(|(at, count)| (colour(at), *count)).collect());
    let indices: Vec<u8> = cells.iter().map(|at| index_of[*at]).collect();

    let mut file = Vec::new();
    let failed = |error: png::EncodingError| PictureError::Encoding(error.to_string());
    let mut encoder = Encoder::new(&mut file, pixmap.width(), pixmap.height());
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(Compression::Balanced);
    // Neighbouring indices are unrelated numbers: differences of them only confuse the compressor.
    encoder.set_filter(Filter::NoFilter);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&indices).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

/// Seven bits a channel: fewer colours to choose from, and no difference that could be seen.
const CELLS: usize = 1 << 21;

fn cell([r, g, b]: Colour) -> usize {
    let bits = |part: u8| usize::from(part >> 1);
    bits(r) << 14 | bits(g) << 7 | bits(b)
}

fn colour(cell: usize) -> Colour {
    [cell >> 14, cell >> 7, cell].map(|bits| u8::try_from(bits & 0x7F).unwrap_or(0) << 1)
}

/// Some colours, each with the number of its pixels; and the channel in which they differ most.
struct Cluster {
    colours: Vec<(Colour, u32)>,
    mean: Colour,
    channel: usize,
    need: u64,
}

impl Cluster {
    fn new(colours: Vec<(Colour, u32)>) -> Self {
        let (mut pixels, mut sums, mut squares) = (0_u64, [0_u64; 3], [0_u64; 3]);
        for (colour, count) in &colours {
            let count = u64::from(*count);
            pixels += count;
            for channel in 0..3 {
                let part = u64::from(colour[channel]);
                sums[channel] += count * part;
                squares[channel] += count * part * part;
            }
        }
        let pixels = pixels.max(1);
        let error = [0, 1, 2].map(|channel| squares[channel] - sums[channel] * sums[channel] / pixels);
        let channel = (0..3).max_by_key(|channel| error[*channel]).unwrap_or(0);
        // Bands show in large smooth areas, such as a shadow on the floor, but these must not take all: the error
        // counts, divided by a root of the number of pixels.
        let need = error.iter().sum::<u64>() / pixels.isqrt().isqrt();
        let mean = sums.map(|sum| u8::try_from((sum + pixels / 2) / pixels).unwrap_or(u8::MAX));
        Self { colours, mean, channel, need }
    }

    /// Splits the cluster at its mean; it must hold two colours.
    fn split(mut self) -> [Self; 2] {
        let (channel, mean) = (self.channel, self.mean[self.channel]);
        self.colours.sort_unstable_by_key(|(colour, _)| (colour[channel], *colour));
        let cut = self.colours.partition_point(|(colour, _)| colour[channel] < mean);
        let rest = self.colours.split_off(cut.clamp(1, self.colours.len() - 1));
        [Self::new(self.colours), Self::new(rest)]
    }
}

/// Chooses at most [`COLOURS`] colours (by splitting), and tells for each cell which of them stands for it.
fn reduce(colours: Vec<(Colour, u32)>) -> (Vec<Colour>, Vec<u8>) {
    let mut clusters = vec![Cluster::new(colours)];
    while clusters.len() < COLOURS {
        let neediest = clusters.iter().enumerate().max_by_key(|(_, cluster)| cluster.need);
        let Some(at) = neediest.map(|(at, _)| at).filter(|at| clusters[*at].colours.len() > 1) else { break };
        let parts = clusters.swap_remove(at).split();
        clusters.extend(parts);
    }
    let mut index_of = vec![0; CELLS];
    for (index, cluster) in (0_u8..=u8::MAX).zip(&clusters) {
        for (colour, _) in &cluster.colours {
            index_of[cell(*colour)] = index;
        }
    }
    (clusters.iter().map(|cluster| cluster.mean).collect(), index_of)
}
