import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findSource } from '../../src/app/source-folder.ts';
import { tempFolder } from '../temp.ts';

describe('findSource()', () => {
  it('finds the project itself, a folder in it, and what a link inside of it leads to', async () => {
    await using folder = await tempFolder();
    const project = join(folder.path, 'project');
    await mkdir(join(project, 'src'), { recursive: true });
    await symlink('src', join(project, 'link'));
    await symlink('project', join(folder.path, 'alias'));
    for (const one of [project, join(folder.path, 'alias')]) {
      expect(await findSource(one, '.')).toBe(project);
      expect(await findSource(one, 'src')).toBe(join(project, 'src'));
      expect(await findSource(one, 'link')).toBe(join(project, 'src'));
    }
  });

  it.each(['../secrets', '../project-2', '..'])('refuses a link out of the project: %s', async (target) => {
    await using folder = await tempFolder();
    const project = join(folder.path, 'project');
    for (const path of [project, join(folder.path, 'secrets'), join(folder.path, 'project-2')])
      await mkdir(path);
    await symlink(target, join(project, 'src'));
    await expect(findSource(project, 'src')).rejects.toMatchObject({ code: 'app-unusable' });
  });

  it('refuses a folder that lies behind such a link', async () => {
    await using folder = await tempFolder();
    const project = join(folder.path, 'project');
    await mkdir(join(folder.path, 'secrets/src'), { recursive: true });
    await mkdir(project);
    await symlink('../secrets', join(project, 'deep'));
    await expect(findSource(project, 'deep/src')).rejects.toMatchObject({ code: 'app-unusable' });
  });

  it('says so where nothing is', async () => {
    await using folder = await tempFolder();
    await expect(findSource(folder.path, 'src')).rejects.toMatchObject({ code: 'invalid-input' });
  });
});
